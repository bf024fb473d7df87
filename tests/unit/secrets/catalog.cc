// The fake that the API's tests use, too.
#include "unit/api/fake_catalog.cc"   // NOLINT(bugprone-suspicious-include)
#include "unit/api/fake_events.cc"    // NOLINT(bugprone-suspicious-include)
#include "unit/api/fake_overview.cc"  // NOLINT(bugprone-suspicious-include)
