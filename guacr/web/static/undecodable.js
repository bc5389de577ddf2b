// Pictures that cannot be decoded: guacamole-common-js waits for each picture, and would wait for
// these for ever.

// Has the display go on without such pictures, and `skipped` called for each.
export function skipUndecodable(skipped) {
  const decode = window.createImageBitmap;
  const nothing = document.createElement("canvas");
  nothing.width = nothing.height = 1;
  window.createImageBitmap = (...args) =>
    decode(...args).catch(() => {
      skipped();
      return nothing;
    });
}
