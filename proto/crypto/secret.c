/* Locked memory, by libsodium.
 *
 * Layer:  crypto
 * SPDX-License-Identifier: Apache-2.0
 */
#include "crypto/secret.h"

#include <sodium.h>

void *wr_secret_alloc(size_t size) {
    void *ptr = sodium_malloc(size);
    if (ptr != NULL)
        memset(ptr, 0, size);
    return ptr;
}

void wr_secret_free(void *ptr) {
    sodium_free(ptr);
}
