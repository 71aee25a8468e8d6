/* Output: JSON from values (the only place that knows a JSON library), tables, times, colour.
 *
 * Text from other devices is shown with control characters replaced, so that no entry and no name
 * can write to a terminal.
 *
 * Layer:  cli
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "warren/client.h"

/* One line of JSON.  Bytes that are UTF-8 become a string; others get a key of their own with
 * "_base64" at its end. */
void print_json(FILE *to, const warren_value *value);
/* The same with the pairs named in keys (NULL-ended) only, in that order. */
void print_json_keys(FILE *to, const warren_value *map, const char *const *keys);
void print_error_json(const char *code, const char *message);

/* Colour codes, empty where stdout is no terminal or NO_COLOR is set. */
typedef enum print_style { PRINT_PLAIN, PRINT_BOLD, PRINT_DIM, PRINT_GOOD, PRINT_BAD } print_style;
const char *print_style_text(print_style style);
bool print_is_terminal(void); /* stdout */

/* len bytes; unsafe characters become '?' (newline and tab stay where lines is set). */
void print_safe(FILE *to, const char *text, size_t len, bool lines);
void print_safe_value(FILE *to, const warren_value *str);

/* {id,name} as "name (ebxatprt)"; a list of them with commas. */
void print_device(FILE *to, const warren_value *device);
void print_devices(FILE *to, const warren_value *list);
/* The names alone, of a list or of one; what does not fit is cut. */
#define PRINT_DEVICES_SIZE 2048u
void print_devices_text(const warren_value *devices, char out[PRINT_DEVICES_SIZE]);

/* Local time of Unix milliseconds: "2026-11-24 04:18"; "-" for 0. */
#define PRINT_TIME_SIZE 32u
void print_time(uint64_t unix_ms, bool seconds, char out[PRINT_TIME_SIZE]);
/* "1,234,567". */
#define PRINT_COUNT_SIZE 32u
void print_count(uint64_t count, char out[PRINT_COUNT_SIZE]);
/* "4.0 KiB". */
void print_bytes(uint64_t bytes, char out[PRINT_COUNT_SIZE]);
/* "3 d 4 h". */
void print_duration(uint64_t seconds, char out[PRINT_COUNT_SIZE]);

/* A table: add cells row by row, headings first; then print and free. */
typedef struct print_table print_table;
print_table *print_table_new(size_t columns);
void print_table_add(print_table *table, const char *cell);
void print_table_show(print_table *table); /* also frees */

#endif /* CLI_PRINT_H */
