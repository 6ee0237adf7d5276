import { ImageError } from "./image_error.ts";

/*
 * LZ4 as the kernel's build has it, `lz4 -l`: a magic number, then blocks, each with its compressed
 * length in front, and each on its own (lz4_Frame_format.md, "Legacy frame"; lz4_Block_format.md).
 */

/** The first four bytes of a legacy frame, little endian. */
const LEGACY_MAGIC = 0x184c2102;
/** The shortest match; lengths are stored as what is more than that. */
const MIN_MATCH = 4;
/** A length of so much in its four bits goes on in the next bytes. */
const LONG = 15;

/** Decodes a legacy frame of `length` bytes. `ImageError` when it isn't one, or of another length. */
export function decodeLegacyLz4(
  frame: Uint8Array<ArrayBuffer>,
  length: number,
): Uint8Array<ArrayBuffer> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 4 || view.getUint32(0, true) !== LEGACY_MAGIC) {
    throw new ImageError("the kernel is not compressed by LZ4, as Debian's cloud kernel is");
  }
  const output = new Uint8Array(length);
  let written = 0;
  for (let at = 4; at + 4 <= frame.length;) {
    const end = at + 4 + view.getUint32(at, true);
    if (end > frame.length) throw damaged(`a block ends at ${end} of ${frame.length}`);
    written = decodeBlock(frame.subarray(at + 4, end), output, written);
    at = end;
  }
  if (written !== length) throw damaged(`${written} bytes in place of ${length}`);
  return output;
}

/** Decodes one block to `output` from `at` on, and returns where that ends. */
function decodeBlock(block: Uint8Array, output: Uint8Array, at: number): number {
  let out = at;
  for (let i = 0; i < block.length;) {
    const token = block[i++];
    let literals = token >> 4;
    if (literals === LONG) [literals, i] = longLength(block, i);
    if (i + literals > block.length || out + literals > output.length) {
      throw damaged("literals without an end");
    }
    output.set(block.subarray(i, i + literals), out);
    i += literals;
    out += literals;
    // The last sequence has no match.
    if (i === block.length) break;

    const offset = block[i] | (block[i + 1] << 8);
    i += 2;
    let match = token & 0xf;
    if (match === LONG) [match, i] = longLength(block, i);
    match += MIN_MATCH;
    if (offset === 0 || offset > out - at || out + match > output.length) {
      throw damaged(`a match of ${match} bytes, ${offset} back`);
    }
    if (offset >= match) output.copyWithin(out, out - offset, out - offset + match);
    // It may reach into what it makes itself: a pattern that repeats.
    else for (let k = 0; k < match; k++) output[out + k] = output[out + k - offset];
    out += match;
  }
  return out;
}

function longLength(block: Uint8Array, at: number): [number, number] {
  let length = LONG;
  let i = at;
  while (i < block.length && block[i] === 255) length += block[i++];
  if (i === block.length) throw damaged("a length without an end");
  return [length + block[i], i + 1];
}

function damaged(what: string): ImageError {
  return new ImageError(`the kernel's LZ4 frame is damaged: ${what}`);
}
