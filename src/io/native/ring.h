/* An io_uring as a vectored system call: many reads or writes of TAP frames in one call, each of
 * them done when that call returns. Nothing is ever left in flight, so a ring serves any number of
 * bursts of its thread.
 *
 * Every request carries RWF_NOWAIT. A TAP that is empty then answers EAGAIN at once; without it the
 * kernel would arm a poll and keep the request, and the arena slot with it.
 */
#ifndef TAPVS_RING_H
#define TAPVS_RING_H

#include "addon.h"

struct ring;

/* => the ring behind a handle of openRing(), NULL when it is something else. */
struct ring *ring_of(napi_env env, napi_value handle);

/* Requests that fit into one submit, at most RING_MAX. */
#define RING_MAX 256
int32_t ring_size(const struct ring *ring);

int ring_descriptor(const struct ring *ring);

/* Bursts of fewer frames are not to go by the ring. */
int32_t ring_least(const struct ring *ring);

/* Queues one request, the index-th since the last submit: at most ring_size of them. */
void ring_read(struct ring *ring, int32_t index, int32_t fd, uint8_t *at, int32_t capacity);
void ring_write(struct ring *ring, int32_t index, int32_t fd, const uint8_t *at, int32_t length);

/* Carries out n queued requests, in their order, and stores bytes or -errno in results[0..n).
 * => how many of them the kernel took; the others have not happened and are forgotten. */
int32_t ring_submit(struct ring *ring, int32_t n, int32_t *results);

#endif
