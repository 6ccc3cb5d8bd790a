#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rest/bulk_calls.h"
#include "rest/row_source.h"

namespace latchkey::rest {

/// What became of the records of an ingest job. Salesforce sends each of the three lists as one
/// answer, which is read as the caller takes it.
class BulkResults final : public RowSource {
public:
    BulkResults(Place place, std::string job, BulkOutcome outcome)
        : place_(std::move(place)), job_(std::move(job)), outcome_(outcome) {}

    void drop() override { body_.reset(); }

protected:
    /// After an error inside the list every further step gives that error: the list can only be had
    /// again as a whole, and nobody promises its order.
    /// errors  bad_input invalid_id · what Salesforce says of the job · those of read_piece
    Task<RowBatch> step(std::shared_ptr<RowSource> self, Deadline by) override;

private:
    Task<bool> open();
    Task<bool> fill();

    Place place_;
    std::string job_;
    BulkOutcome outcome_;
    std::unique_ptr<AnswerBody> body_;
    CsvReader reader_;
    std::optional<Error> broken_;
    bool done_ = false;
};

}  // namespace latchkey::rest
