#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace latchkey {

/// A name that cannot be mistaken for another kind of name. The text is opaque.
template <class Tag>
struct Name {
    std::string text;
    Name() = default;
    explicit Name(std::string t) : text(std::move(t)) {}
    bool empty() const { return text.empty(); }
    auto operator<=>(const Name&) const = default;
};

/// A number that cannot be mistaken for another kind of number.
template <class Tag>
struct Number {
    std::int64_t value = 0;
    Number() = default;
    explicit constexpr Number(std::int64_t v) : value(v) {}
    constexpr Number next() const { return Number{value + 1}; }
    auto operator<=>(const Number&) const = default;
};

/// One user of the app joined to one user of one Salesforce org: "cn_" and 22 characters.
using ConnectionId = Name<struct ConnectionIdTag>;
/// A connect session, from the link to the kept connection: "cs_" and 22 characters.
using FlowId = Name<struct FlowIdTag>;
/// The name of one provider in the configuration, 1 to 64 of [a-z0-9_-].
using ProviderId = Name<struct ProviderIdTag>;
/// The public part of an API key: what stands between "lk_" and the secret.
using ApiKeyId = Name<struct ApiKeyIdTag>;
/// One installation on one store.
using NodeId = Name<struct NodeIdTag>;
/// One intended use of one refresh token: 128 random bits as 32 hexadecimal digits.
using AttemptId = Name<struct AttemptIdTag>;
/// One start of one node: 128 random bits as 32 hexadecimal digits.
using BootId = Name<struct BootIdTag>;
/// One hold on the question what became of an attempt: its node, "/", and 32 hexadecimal digits.
using ResolverId = Name<struct ResolverIdTag>;
/// Identity of the database's history; see store/grant_store.h.
using Timeline = Name<struct TimelineTag>;

/// Number of a connection's access-token set: 1 after the connect, one more with each stored access
/// token, never reset.
using Generation = Number<struct GenerationTag>;
/// Number of the refresh token within an epoch, from 1. Stands still while rotation is off.
using GrantGeneration = Number<struct GrantGenerationTag>;
/// Number of the grant within a connection, from 1; grows with each new consent.
using Epoch = Number<struct EpochTag>;

}  // namespace latchkey

template <class Tag>
struct std::hash<latchkey::Name<Tag>> {
    std::size_t operator()(const latchkey::Name<Tag>& n) const {
        return std::hash<std::string>{}(n.text);
    }
};
