/* Times as people write them: a day, a minute, or an age.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* The command line has no loop that would hand a time down. */
uint64_t when_now_ms(void);
/* "2026-11-20" and "2026-11-20T14:00" in local time, or "3d", "12h" before now; to Unix ms.
 * False: it is none of these, no such day, or not before now. */
bool when_parse(const char *text, uint64_t now_ms, uint64_t *ret_ms);

#endif /* CLI_WHEN_H */
