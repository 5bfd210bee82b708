//===- Report.cpp - Named numbers, as a table or as JSON ------------------===//

#include "Report.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace winnow {
namespace run {

bool printReport(const std::vector<Field> &fields, bool json,
                 std::string &error) {
  std::string text;
  char number[64];
  for (const Field &field : fields) {
    if (!std::isfinite(field.value))
      continue;
    bool whole =
        field.value == std::floor(field.value) && std::fabs(field.value) < 1e15;
    if (whole)
      std::snprintf(number, sizeof number, "%.0f", field.value);
    else
      std::snprintf(number, sizeof number, "%.*g", json ? 9 : 6, field.value);
    if (json)
      text += std::string(text.empty() ? "{" : ", ") + "\"" + field.name +
              "\": " + number;
    else
      text +=
          std::string(field.name) +
          std::string(36 - std::min<size_t>(35, std::strlen(field.name)), ' ') +
          number + "\n";
  }
  std::fputs((text + (json ? "}\n" : "")).c_str(), stdout);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout))
    return true;
  error = std::string("cannot write the report: ") + std::strerror(errno);
  return false;
}

} // namespace run
} // namespace winnow
