/* A target with a planted bug: it proves that the fuzzer and the replay notice one.
 *
 * Target: nothing of ours.
 * Input:  any bytes; three magic ones trigger the bug.
 * Oracle: must fail on its corpus (CTest expects so), and libFuzzer finds it in seconds.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* Nested on purpose: coverage leads the fuzzer from byte to byte. */
    if (size >= 3 && data[0] == 'W') {
        if (data[1] == 'a') {
            if (data[2] == '!')
                abort();
        }
    }
    return 0;
}
