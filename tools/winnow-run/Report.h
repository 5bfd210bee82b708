//===- Report.h - Named numbers, as a table or as JSON ----------*- C++ -*-===//

#ifndef WINNOW_TOOLS_WINNOW_RUN_REPORT_H
#define WINNOW_TOOLS_WINNOW_RUN_REPORT_H

#include <string>
#include <vector>

namespace winnow {
namespace run {

/// One line of a report.
struct Field {
  const char *name;
  double value;
};

/// Prints a report to standard output: a table with 6 digits, or one object of
/// JSON with 9. Values that are no finite number are left out. False and one
/// line in `error` where that fails.
bool printReport(const std::vector<Field> &fields, bool json,
                 std::string &error);

} // namespace run
} // namespace winnow

#endif // WINNOW_TOOLS_WINNOW_RUN_REPORT_H
