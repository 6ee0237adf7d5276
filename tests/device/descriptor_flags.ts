/** Bytes of a descriptor, in a ring of either format and in a table of its own. */
export const DESCRIPTOR_BYTES = 16;

/** Flags of a descriptor (virtio 1.2 §2.7.5, §2.8.1, §2.8.6, §2.8.8), in their 16 bits. */
export const VIRTQ_DESC_F_NEXT = 1;
export const VIRTQ_DESC_F_WRITE = 2;
export const VIRTQ_DESC_F_INDIRECT = 4;
/** Of a packed ring only. */
export const VIRTQ_DESC_F_AVAIL = 1 << 7;
export const VIRTQ_DESC_F_USED = 1 << 15;
