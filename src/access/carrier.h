#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace latchkey {

/// A composite resource of Salesforce's: what a request of it does stands in its body, or in its
/// query, and is the same as some other calls do.
/// source  REST API Developer Guide, "Composite Resources"
struct Carrier {
    enum class Kind {
        composite,  ///< POST composite: calls, later ones with ids out of earlier answers
        batch,      ///< POST composite/batch: calls
        graph,      ///< POST composite/graph: several lists of calls, each as in composite
        tree,       ///< POST composite/tree/{object}: records with records below them
        records,    ///< POST or PATCH composite/sobjects: records, each with its object
        retrieved,  ///< GET or POST composite/sobjects/{object}: ids
        upserted,   ///< PATCH composite/sobjects/{object}/{field}: records
    };
    Kind kind = Kind::composite;
    std::string
        base;  ///< of the same calls' paths: /services/data/vN.N, and /tooling if it is there
    std::string object;  ///< where the path names one
    std::string field;   ///< likewise

    bool carries_calls() const {
        return kind == Kind::composite || kind == Kind::batch || kind == Kind::graph;
    }
};

/// The carrier that a call is for. nullopt: none that says what it does, such as DELETE
/// composite/sobjects, whose ids belong to nobody knows which object.
/// method  as `sole_method` gives it
std::optional<Carrier> carrier_of(std::string_view method,
                                  const std::vector<std::string>& segments);

}  // namespace latchkey
