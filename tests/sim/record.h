/* What warren-sim-record keeps: inputs for the fuzzers, taken from simulated sessions.
 *
 *   DIR/fuzz_<target>/<hash>    one input in the form that tests/fuzz/fuzz_<target>.c describes
 *
 * Layer:  tests
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SIM_RECORD_H
#define SIM_RECORD_H

#include "base/base.h"

#define RECORD_BYTES_MAX                                                                           \
    8192u /* of one input; longer ones are left out: small ones find as much                       \
           */

/* An input that grows until it is put; what does not fit makes it too long to be kept. */
typedef struct record {
    uint8_t bytes[RECORD_BYTES_MAX];
    size_t len;
    bool too_long;
} record;

void record_begin(record *r);
void record_u8(record *r, unsigned value);
void record_u16(record *r, uint64_t value);
void record_bytes(record *r, wr_slice bytes);

/* Writes it as an input of that target, unless enough of its kind was written by this process:
 * kinds are told apart by length and the first two bytes. */
void record_put(const char *target, const record *r);
/* Of the bytes behind a head: the form of most inputs. */
void record_put_bytes(const char *target, const char *head, size_t head_len, wr_slice bytes);

#endif /* SIM_RECORD_H */
