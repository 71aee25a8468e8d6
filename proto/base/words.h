/* The 2048 English words of BIP-39: eleven bits that a person can write down.
 *
 * Layer:  base
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef WR_BASE_WORDS_H
#define WR_BASE_WORDS_H

#include "base/base.h"

#define WR_WORD_COUNT 2048u
#define WR_WORD_BYTES_MAX 8u

/* The word of an index below WR_WORD_COUNT, in static memory.  Which memory is touched shows the
 * index: for words that are shown anyway. */
const char *wr_word(uint16_t index);
/* The same for secrets: reads the whole list, whatever the index; the rest of out is zero. */
void wr_word_copy(uint16_t index, char out[WR_WORD_BYTES_MAX + 1]);
/* Word, in any case, to index.  Reads the whole list, whatever the word.
 *   UNKNOWN  not a word of the list */
WR_MUST wr_err wr_word_index(wr_slice word, uint16_t *ret_index);

#endif /* WR_BASE_WORDS_H */
