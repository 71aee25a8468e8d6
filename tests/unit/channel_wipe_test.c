/* Wiping what holds keys in a handshake.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "channel_fixture.h"

#include "channel/symmetric.h"

static void a_wiped_cipher_has_no_key(void **state) {
    (void)state;
    wr_cipher cipher;
    memset(&cipher, 0x5a, sizeof cipher);
    wr_cipher_wipe(&cipher);
    T_TRUE(wr_is_zero(wr_slice_of(&cipher, sizeof cipher)));
}

static void a_wiped_symmetric_state_has_no_chaining_key(void **state) {
    (void)state;
    wr_symmetric sym;
    memset(&sym, 0x5a, sizeof sym);
    wr_symmetric_wipe(&sym);
    T_TRUE(wr_is_zero(wr_slice_of(&sym, sizeof sym)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wiped_cipher_has_no_key),
        cmocka_unit_test(a_wiped_symmetric_state_has_no_chaining_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
