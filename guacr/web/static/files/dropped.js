// Files and folders that the person has chosen or dropped: groups, each of which becomes one upload.

const FILES_MAX = 10_000; // of one drop
const DEPTH_MAX = 100;

// Returns the groups of a drop. Call it in the event itself: later, browsers do not show the entries.
export function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length ? groupsOf(entries) : Promise.resolve(chosenFiles(data.files));
}

export function hasFolders(data) {
  return [...data.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
}

// A group has a name, `files` with their paths below the folder shown, and the paths of `folders`.
export function chosenFiles(files) {
  return [...files].map((file) => ({ name: file.name, isFolder: false, files: [{ file, path: file.name }], folders: [] }));
}

// The files of one folder, as an input for folders has them.
export function chosenFolder(files) {
  const all = [...files].map((file) => ({ file, path: file.webkitRelativePath }));
  if (!all.length) return [];
  checkCount(all.length);
  const folders = new Set();
  for (const { path } of all) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) folders.add(path.slice(0, at));
  }
  const [name] = all[0].path.split("/", 1);
  return [{ name, isFolder: true, files: all, folders: [...folders] }];
}

async function groupsOf(entries) {
  const count = { files: 0 };
  const groups = [];
  for (const entry of entries) {
    const group = { name: entry.name, isFolder: entry.isDirectory, files: [], folders: [] };
    await collect(entry, entry.name, group, count, 0);
    groups.push(group);
  }
  return groups;
}

async function collect(entry, path, group, count, depth) {
  count.files += 1;
  checkCount(count.files);
  if (depth > DEPTH_MAX) throw new Error(`Folders can be at most ${DEPTH_MAX} deep.`);
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    group.files.push({ file, path });
    return;
  }
  group.folders.push(path);
  const reader = entry.createReader();
  const read = () => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
  for (let some = await read(); some.length; some = await read()) {
    for (const child of some) await collect(child, `${path}/${child.name}`, group, count, depth + 1);
  }
}

function checkCount(count) {
  if (count > FILES_MAX) throw new Error(`At most ${FILES_MAX} files can be uploaded at a time.`);
}
