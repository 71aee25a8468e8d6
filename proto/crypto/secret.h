/* Memory for secrets that live long: locked, guarded by pages, wiped when given back.
 *
 * Layer:  crypto
 * Owner:  what wr_secret_alloc returns belongs to the caller, until wr_secret_free.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_CRYPTO_SECRET_H
#define WR_CRYPTO_SECRET_H

#include "base/base.h"

/* Zero-filled; NULL if there is no memory.  Never swapped out where the system allows that, and an
 * access beyond its end faults. */
WR_MUST void *wr_secret_alloc(size_t size);
void wr_secret_free(void *ptr); /* wipes; NULL is fine */

#endif /* WR_CRYPTO_SECRET_H */
