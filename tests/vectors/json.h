/* The one door of the vector runners to jansson.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_VECTORS_JSON_H
#define TESTS_VECTORS_JSON_H

#include <jansson.h>

#endif /* TESTS_VECTORS_JSON_H */
