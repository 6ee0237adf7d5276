import { HDR_BYTES } from "./virtio_net_model.ts";

/** struct virtio_net_hdr: num_buffers, its last field (virtio 1.2 §5.1.6). */
const HDR_NUM_BUFFERS = 10;

/** Frames behind their virtio_net_hdr, as words in the order that they are copied in. */
export class FrameImages {
  readonly u32: Uint32Array;
  /** Bytes of each, with the header. */
  readonly lengths: Uint16Array;
  /** Words from one to the next. */
  readonly stride: number;
  /** The one to be sent next. */
  next = 0;

  constructor(frames: readonly Uint8Array[]) {
    const longest = Math.max(...frames.map(({ length }) => length));
    this.stride = ((HDR_BYTES + longest + 2 + 3) >>> 2) + 1;
    this.u32 = new Uint32Array(this.stride * frames.length);
    this.lengths = Uint16Array.from(frames, ({ length }) => HDR_BYTES + length);
    const bytes = new Uint8Array(this.u32.buffer);
    frames.forEach((frame, i) => {
      // A receive buffer begins at 2 mod 4, and so does the image of what goes into it.
      const start = 4 * this.stride * i + 2;
      bytes[start + HDR_NUM_BUFFERS] = 1;
      bytes.set(frame, start + HDR_BYTES);
    });
  }
}
