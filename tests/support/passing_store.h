#pragma once

#include "store/store.h"

namespace latchkey::test {

/// A store that is another one. A test overrides the part that it wants to be different.
class PassingStore : public Store {
public:
    /// `inner` must outlive this object.
    explicit PassingStore(Store& inner) : inner_(inner) {}

    GrantStore& grants() override { return inner_.grants(); }
    FlowStore& flows() override { return inner_.flows(); }
    ConnectionIndex& connections() override { return inner_.connections(); }
    KeyStore& keys() override { return inner_.keys(); }
    ApiKeyStore& api_keys() override { return inner_.api_keys(); }
    SessionStore& sessions() override { return inner_.sessions(); }
    KillSwitchStore& kill_switches() override { return inner_.kill_switches(); }
    EventStore& events() override { return inner_.events(); }
    NodeStore& nodes() override { return inner_.nodes(); }
    Changes& changes() override { return inner_.changes(); }
    Task<void> quiet(Deadline by) override { return inner_.quiet(by); }

private:
    Store& inner_;
};

}  // namespace latchkey::test
