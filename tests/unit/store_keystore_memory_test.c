/* A keystore without a file: the same contract, in memory only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/keystore.h"
#include "store_fixture.h"

#include "crypto/crypto.h"

static keystore_secrets some_secrets(void) {
    wr_rng rng = t_rng(1);
    keystore_secrets secrets;
    T_OK(wr_crypto_init());
    keystore_make(&rng, &secrets);
    secrets.has_recovery = true;
    secrets.recovery = fix_key(0xee);
    return secrets;
}

static void it_holds_what_it_was_given(void **state) {
    (void)state;
    keystore *k = NULL;
    keystore_secrets want = some_secrets();
    T_OK(keystore_open_memory(&want, &k));
    const keystore_secrets *got = keystore_get(k);
    T_TRUE(wr_key_equal(&got->sign_seed, &want.sign_seed));
    T_TRUE(wr_key_equal(&got->noise, &want.noise));
    T_TRUE(wr_key_equal(&got->box, &want.box));
    T_MEM(got->incarnation, want.incarnation, sizeof want.incarnation);
    T_TRUE(wr_key_equal(&got->store_key, &want.store_key));
    T_TRUE(wr_key_equal(&got->keys_key, &want.keys_key));
    T_TRUE(got->has_recovery);
    T_TRUE(wr_key_equal(&got->recovery, &want.recovery));
    T_FALSE(keystore_has_passphrase(k));
    keystore_close(k);
}

static void changes_succeed_without_any_file(void **state) {
    (void)state;
    keystore *k = NULL;
    const char *why = "";
    keystore_secrets secrets = some_secrets();
    T_OK(keystore_open_memory(&secrets, &k));
    keystore_set_cost(k, KEYSTORE_OPS_MIN, KEYSTORE_MEM_KIB_MIN);
    T_OK(keystore_set_passphrase(k, S("horse"), &why));
    T_TRUE(keystore_has_passphrase(k));
    T_OK(keystore_set_passphrase(k, S(""), &why));
    T_FALSE(keystore_has_passphrase(k));
    T_OK(keystore_forget_recovery(k, &why));
    T_FALSE(keystore_get(k)->has_recovery);
    T_TRUE(wr_is_zero(WR_SLICE_OBJ(keystore_get(k)->recovery)));
    T_TRUE(wr_key_equal(&keystore_get(k)->noise, &secrets.noise));
    T_STR(why, "");
    keystore_close(k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_it_was_given),
        cmocka_unit_test(changes_succeed_without_any_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
