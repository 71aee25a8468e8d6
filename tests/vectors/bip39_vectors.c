/* bip39-vectors FILE..: published mnemonics, both ways, and those that must be refused.
 *
 * A file holds {"vectors": [{"entropy": hex, "mnemonic": text, ..} or {"mnemonic": text, "why":
 * text}, ..]}.  The seed and the extended key of BIP-39 are not used by Warren and not checked.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "circle/recovery.h"
#include "vectors/json.h"

#include <stdio.h>

static unsigned passed, failed, skipped;

static void report(const char *file, size_t index, const char *problem) {
    if (problem == NULL) {
        passed++;
        return;
    }
    failed++;
    (void)printf("%s: vector %zu: %s\n", file, index, problem);
}

static const char *check_both_ways(const char *hex, const char *mnemonic) {
    uint8_t entropy_bytes[32], back_bytes[32], text_bytes[300];
    wr_buf entropy = WR_BUF_ARRAY(entropy_bytes), back = WR_BUF_ARRAY(back_bytes);
    wr_buf text = WR_BUF_ARRAY(text_bytes);
    if (wr_hex_decode(wr_slice_str(hex), &entropy) != WR_OK)
        return "entropy is not hex of at most 32 bytes";
    if (wr_mnemonic_encode(wr_buf_slice(&entropy), &text) != WR_OK)
        return "entropy was refused";
    if (!wr_equal(wr_buf_slice(&text), wr_slice_str(mnemonic)))
        return "entropy gives other words";
    if (wr_mnemonic_decode(wr_slice_str(mnemonic), &back) != WR_OK)
        return "words were refused";
    if (!wr_equal(wr_buf_slice(&back), wr_buf_slice(&entropy)))
        return "words give other entropy";
    return NULL;
}

static const char *check_refused(const char *mnemonic) {
    uint8_t bytes[32];
    wr_buf entropy = WR_BUF_ARRAY(bytes);
    wr_err err = wr_mnemonic_decode(wr_slice_str(mnemonic), &entropy);
    return err == WR_OK || entropy.len != 0 ? "wrong words were accepted" : NULL;
}

static void run_vector(const char *file, size_t index, const json_t *vector) {
    const char *entropy = json_string_value(json_object_get(vector, "entropy"));
    const char *mnemonic = json_string_value(json_object_get(vector, "mnemonic"));
    const char *why = json_string_value(json_object_get(vector, "why"));
    if (mnemonic != NULL && entropy != NULL)
        report(file, index, check_both_ways(entropy, mnemonic));
    else if (mnemonic != NULL && why != NULL)
        report(file, index, check_refused(mnemonic));
    else
        skipped++;
}

static void run_file(const char *file) {
    json_error_t error;
    json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    const json_t *vectors = json_object_get(root, "vectors"), *vector;
    size_t index;
    if (!json_is_array(vectors)) {
        failed++;
        (void)printf("%s: no vectors: %s\n", file, root == NULL ? error.text : "another form");
    }
    json_array_foreach(vectors, index, vector) {
        run_vector(file, index, vector);
    }
    json_decref(root);
}

int main(int argc, char **argv) {
    if (wr_crypto_init() != WR_OK)
        return 1;
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    (void)printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    return failed == 0 && passed > 0 ? 0 : 1;
}
