/*===- Hash.h - The hash of NAME.weights ----------------------------*- C -*-===
 *
 * The compiler writes it, the runtime checks it; both use this definition.
 *
 * Four lanes over 8-byte little-endian words, word i to lane i % 4:
 *     lane = (lane ^ word) * prime;  lane = lane ^ lane >> 32
 * (FNV-1a's step, and then the high half goes into the low one, which a
 * multiplication alone never reaches). The end of the data is filled with zero
 * bytes to 32; the length and the lanes are then folded with the same step. It
 * finds damage, it does not resist an attacker.
 *
 *===----------------------------------------------------------------------===*/

#ifndef WINNOW_RUNTIME_HASH_H
#define WINNOW_RUNTIME_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the header of NAME.weights begins with, right after its 8-byte length:
 *     {"__metadata__":{"winnow_build_id":"<32 lower-case hex digits>"
 * The digits are winnow_artifact_info.build_id[0], then [1], each with its most
 * significant digit first. The tensor data starts at 8 + header length, a
 * multiple of WINNOW_WEIGHTS_ALIGNMENT; the header is filled with spaces. */
#define WINNOW_WEIGHTS_PREFIX "{\"__metadata__\":{\"winnow_build_id\":\""
/* Later in the header: the winnow_hash of all bytes after the header, 16
 * lower-case hex digits with the most significant first. */
#define WINNOW_WEIGHTS_HASH_KEY "\"winnow_hash\":\""
enum { WINNOW_WEIGHTS_ALIGNMENT = 4096 };

typedef struct winnow_hash {
  uint64_t lanes[4];
  uint64_t length;     /* bytes seen */
  uint8_t pending[32]; /* the last length % 32 bytes */
} winnow_hash;

#define WINNOW_HASH_PRIME 0xd6e8feb86659fd93ull

static inline uint64_t winnow_hash_step(uint64_t lane, uint64_t word) {
  lane = (lane ^ word) * WINNOW_HASH_PRIME;
  return lane ^ (lane >> 32);
}

static inline uint64_t winnow_hash_load(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

static inline void winnow_hash_begin(winnow_hash *hash) {
  hash->lanes[0] = 0x243f6a8885a308d3ull;
  hash->lanes[1] = 0x13198a2e03707344ull;
  hash->lanes[2] = 0xa4093822299f31d0ull;
  hash->lanes[3] = 0x082efa98ec4e6c89ull;
  hash->length = 0;
  memset(hash->pending, 0, sizeof hash->pending);
}

/* Blocks of 32 bytes. */
static inline void winnow_hash_blocks(winnow_hash *hash, const uint8_t *bytes,
                                      size_t count) {
  uint64_t lane0 = hash->lanes[0], lane1 = hash->lanes[1];
  uint64_t lane2 = hash->lanes[2], lane3 = hash->lanes[3];
  for (size_t i = 0; i < count; ++i, bytes += 32) {
    lane0 = winnow_hash_step(lane0, winnow_hash_load(bytes));
    lane1 = winnow_hash_step(lane1, winnow_hash_load(bytes + 8));
    lane2 = winnow_hash_step(lane2, winnow_hash_load(bytes + 16));
    lane3 = winnow_hash_step(lane3, winnow_hash_load(bytes + 24));
  }
  hash->lanes[0] = lane0;
  hash->lanes[1] = lane1;
  hash->lanes[2] = lane2;
  hash->lanes[3] = lane3;
}

/* Appends bytes; the result does not depend on how the data are cut. */
static inline void winnow_hash_update(winnow_hash *hash, const void *data,
                                      size_t size) {
  const uint8_t *bytes = (const uint8_t *)data;
  size_t held = (size_t)(hash->length % 32);
  hash->length += size;
  if (held) {
    size_t wanted = 32 - held;
    size_t taken = size < wanted ? size : wanted;
    if (taken)
      memcpy(hash->pending + held, bytes, taken);
    if (taken < wanted)
      return;
    winnow_hash_blocks(hash, hash->pending, 1);
    bytes += taken;
    size -= taken;
  }
  winnow_hash_blocks(hash, bytes, size / 32);
  if (size % 32)
    memcpy(hash->pending, bytes + size / 32 * 32, size % 32);
}

static inline uint64_t winnow_hash_finish(const winnow_hash *state) {
  winnow_hash hash = *state;
  size_t held = (size_t)(hash.length % 32);
  if (held) {
    memset(hash.pending + held, 0, 32 - held);
    winnow_hash_blocks(&hash, hash.pending, 1);
  }
  uint64_t value = hash.length;
  for (int i = 0; i < 4; ++i)
    value = winnow_hash_step(value, hash.lanes[i]);
  return value;
}

#ifdef __cplusplus
}
#endif

#endif /* WINNOW_RUNTIME_HASH_H */
