/* The table of options as the parser sees it.
 *
 * Layer:  core, private to config
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORE_CONFIG_IMPL_H
#define CORE_CONFIG_IMPL_H

#include "core/config.h"

typedef enum option_kind { OPTION_NAME, OPTION_TEXT, OPTION_LIST, OPTION_CHOICE } option_kind;

typedef struct option {
    const char *section, *key, *full; /* full: "section.key" */
    option_kind kind;
    size_t offset; /* of the field in struct config */
    const char *preset;
    uint32_t min, max; /* bytes, items; of a choice: 0, number of words */
    const char *const *words;
    const char *text;
} option;

extern const option options[];
extern const size_t options_count;

/* NULL if there is none. */
const option *option_find(wr_slice section, wr_slice key);
const option *option_find_full(wr_slice full);
/* Replaces the value (append: adds to a list).  FORMAT with a text that starts with the value's
 * fault, without place or key. */
WR_MUST wr_err option_set(const option *o, config *c, wr_slice value, bool append,
                          char problem[CONFIG_PROBLEM_MAX]);
WR_MUST wr_err option_check_count(const option *o, const config *c,
                                  char problem[CONFIG_PROBLEM_MAX]);

WR_MUST bool config_is_space(uint8_t c);
wr_slice config_trim(wr_slice text);

#endif /* CORE_CONFIG_IMPL_H */
