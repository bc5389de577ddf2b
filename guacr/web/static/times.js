// Times and sizes as text.

// Returns milliseconds as 0:00 or 0:00:00.
export function clock(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

// Returns bytes in the largest unit with one digit before the point at least.
export function bytes(count) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const place = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), units.length - 1);
  return `${(count / 1000 ** place).toFixed(place ? 1 : 0)} ${units[place]}`;
}

// Returns seconds since 1970 as a date and time in the person's language.
export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
