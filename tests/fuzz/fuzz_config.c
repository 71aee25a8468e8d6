/* Target: config_parse, option_set through it.
 * Input:  the content of a warren.conf.
 * Oracle: no crash; an error leaves the config untouched and has a text; what was accepted, written
 *         out key by key, is accepted again and means the same.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool cond) {
    if (!cond)
        abort();
}

static void put(wr_buf *out, const char *text) {
    must(wr_buf_put(out, wr_slice_str(text)) == WR_OK);
}

/* One section header and one line a key; list items on lines of their own. */
static void write_out(const config *c, wr_buf *out) {
    const char *full;
    for (size_t i = 0; (full = config_key(i)) != NULL; i++) {
        uint8_t bytes[CONFIG_VALUE_MAX];
        wr_buf value = WR_BUF_ARRAY(bytes);
        const char *dot = strchr(full, '.');
        must(config_get_text(c, wr_slice_str(full), &value) == WR_OK);
        size_t start = 0;
        for (size_t j = 0; j <= value.len; j++) {
            if (j != value.len && value.ptr[j] != ',')
                continue;
            bool whole = value.len < 150;
            if (whole && j != value.len)
                continue;
            put(out, "[");
            must(wr_buf_put(out, wr_slice_of(full, (size_t)(dot - full))) == WR_OK);
            put(out, "]\n");
            put(out, dot + 1);
            put(out, "=");
            must(wr_buf_put(out, wr_slice_of(value.ptr + start, j - start)) == WR_OK);
            put(out, "\n");
            start = j + 1;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char problem[CONFIG_PROBLEM_MAX];
    static uint8_t bytes[CONFIG_FILE_MAX];
    config c, again, before;
    config_init(&c);
    c.agent_listen.count = 1;
    before = c;
    problem[0] = '\0';
    if (config_parse(wr_slice_of(data, size), "f", &c, problem) != WR_OK) {
        must(problem[0] != '\0');
        must(wr_equal(wr_slice_of(&c, sizeof c), wr_slice_of(&before, sizeof before)));
        return 0;
    }
    wr_buf out = WR_BUF_ARRAY(bytes);
    write_out(&c, &out);
    /* A text of more than 150 bytes with commas would be cut apart: only lists are. */
    if (strlen(c.network_turn) >= 150 || strlen(c.network_stun) >= 150 ||
        strlen(c.mailbox_url) >= 150 || strlen(c.mailbox_token) >= 150)
        return 0;
    must(config_parse(wr_buf_slice(&out), "f", &again, problem) == WR_OK);
    must(wr_equal(wr_slice_of(&c, sizeof c), wr_slice_of(&again, sizeof again)));
    return 0;
}
