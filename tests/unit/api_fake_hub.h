/* A hub without circle, network or disk: enough of hub.h to drive the local API in a test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_API_FAKE_HUB_H
#define TESTS_UNIT_API_FAKE_HUB_H

#include "flow/hub.h"

/* Appends are answered by fake_hub_settle only, so that a test can let time pass before. */
void fake_hub_hold(hub *h, bool hold);
void fake_hub_settle(hub *h);
/* A sibling asks for admission under the pairing that is open. */
void fake_hub_knock(hub *h, const char *name);
bool fake_hub_pairing_open(const hub *h);
bool fake_hub_joining(const hub *h);
/* How many entries a subscriber or reader has pulled so far. */
uint64_t fake_hub_pulled(const hub *h);

#endif /* TESTS_UNIT_API_FAKE_HUB_H */
