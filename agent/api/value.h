/* The inside of warren_value (include/warren/client.h): one node of a MessagePack tree.
 *
 * Layer:  api.  Shared by the agent's server and the client library.
 * Owner:  whoever made the node, until it is put into an array or a map.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_VALUE_H
#define API_VALUE_H

#include "base/base.h"
#include "warren/client.h"

/* One allocation per node; only arrays and maps have a second one, for their items. */
struct warren_value {
    uint8_t type; /* warren_type */
    int8_t ext_type;
    uint32_t count; /* items of an array, pairs of a map */
    uint32_t cap;   /* room of items, in pointers */
    union {
        bool boolean;
        uint64_t uint;
        int64_t sint;
        double real;
        size_t len;           /* of STR, BIN and EXT, which lie in bytes[] */
        warren_value **items; /* a map holds key, value, key, value .. */
    } as;
    uint8_t bytes[]; /* len bytes and a NUL */
};

WR_DEFINE_FREEP(warren_value, warren_value_free)

/* Like warren_put with a key of any type; owns both from then on, also on failure. */
WR_MUST bool value_put_pair(warren_value *map, warren_value *key, warren_value *child);

/* Text of the type for people: "a string". */
const char *value_type_text(warren_type type);

/* Bytes of STR, BIN or EXT; empty for all others. */
wr_slice value_slice(const warren_value *value);
warren_value *value_of_slice(wr_slice text); /* a STR */

#endif /* API_VALUE_H */
