/** LINKTYPE_ETHERNET (draft-ietf-opsawg-pcaplinktype). */
const LINKTYPE_ETHERNET = 1;
const SNAP_LENGTH = 65_535;

/** A capture file of these frames (draft-ietf-opsawg-pcap), all at the same time, 1970. */
export function pcapBytes(frames: readonly Uint8Array[]): Uint8Array {
  const bytes = frames.reduce((sum, { length }) => sum + 16 + length, 24);
  const file = new Uint8Array(bytes);
  const view = new DataView(file.buffer);
  [0xa1b2c3d4, 4 << 16 | 2, 0, 0, SNAP_LENGTH, LINKTYPE_ETHERNET].forEach((word, i) =>
    view.setUint32(4 * i, word, true)
  );
  let at = 24;
  for (const frame of frames) {
    view.setUint32(at + 8, frame.length, true);
    view.setUint32(at + 12, frame.length, true);
    file.set(frame, at + 16);
    at += 16 + frame.length;
  }
  return file;
}
