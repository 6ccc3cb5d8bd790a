#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace latchkey::service {

/// One of the settings that there are. `name` is its key, with {provider} for any provider's name.
struct SettingName {
    std::string_view name;
    bool list = false;  ///< takes several values
};

/// What every key of a provider begins with: "providers.acme.client_id".
constexpr std::string_view provider_prefix = "providers.";

/// The setting of this key; null: there is none.
const SettingName* setting_of(std::string_view key);

/// The name that is most like `key`, for a message.
std::string nearest_setting(std::string_view key);

/// The key that a whole variable's name stands for, such as LATCHKEY_PROVIDERS_MY_ORG_CLIENT_ID: the
/// ending tells the key, what stands before it the provider's name. `variable` begins with LATCHKEY_.
std::optional<std::string> key_of_variable(std::string_view variable);

}  // namespace latchkey::service
