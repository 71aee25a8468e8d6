/* What must never leave a device as plaintext, and the search for it in all that leaves.
 *
 *   leak_forbid * -> leak_find for each write, the streams' ends remembered by their owner
 *
 * A text is found by windows of 8 bytes: its first, its last, and one every 256 bytes between.  A
 * key is found as bytes, as hex and as base64, whatever stands before it there.
 *
 * Owner:  one per world.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_ATTACK_LEAK_H
#define SIM_ATTACK_LEAK_H

#include "base/base.h"

#define LEAK_BYTES_MIN 8u

typedef struct leak leak;

leak *leak_new(void);
void leak_free(leak *l); /* NULL is fine */
/* what is static text; text has LEAK_BYTES_MIN bytes or more. */
void leak_forbid(leak *l, const char *what, uint32_t number, wr_slice text);
void leak_forbid_key(leak *l, const char *what, uint32_t number, const wr_key *key);
/* Any three words one after the other; blanks between them. */
void leak_forbid_words(leak *l, const char *what, uint32_t number, const char *words);
/* tail: the last bytes of the stream so far, 0 at first.  NULL: nothing was found, else what, with
 * its number. */
const char *leak_find(const leak *l, uint64_t *tail, wr_slice bytes, uint32_t *ret_number);

#endif /* SIM_ATTACK_LEAK_H */
