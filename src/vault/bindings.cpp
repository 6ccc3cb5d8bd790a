#include "vault/bindings.h"

namespace latchkey {

Binding Bindings::place(std::string_view table, std::string_view column) const {
    Binding binding{table};
    binding.add(column).add(installation_).add(default_tenant);
    return binding;
}

Binding Bindings::refresh_token(const GrantKey& key, GrantGeneration generation) const {
    return place("grants", "refresh_token")
        .add(key.connection.text)
        .add(key.epoch.value)
        .add(generation.value);
}

Binding Bindings::access_token(const GrantKey& key, Generation generation) const {
    return place("grants", "access_token")
        .add(key.connection.text)
        .add(key.epoch.value)
        .add(generation.value);
}

Binding Bindings::answer(const JournalRecord& record) const {
    return place("journal", "answer")
        .add(record.key.connection.text)
        .add(record.key.epoch.value)
        .add(record.grant_generation.value)
        .add(record.generation.value)
        .add(record.attempt.text)
        .add(record.flow.text);
}

Binding Bindings::flow(const FlowId& flow, std::string_view column) const {
    return place("flows", column).add(flow.text);
}

Binding Bindings::sealing_key(std::string_view id) const {
    return place("sealing_keys", "sealed").add(id);
}

}  // namespace latchkey
