//===- Inspect.cpp - What is in an artifact -------------------------------===//

#include "Inspect.h"

#include <algorithm>

namespace winnow {
namespace run {

/// The number of characters (not bytes) of UTF-8 text.
static size_t width(const std::string &text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// The digits of an integer in groups of three; other numbers as they are.
static std::string groupDigits(const std::string &number) {
  size_t sign = number.compare(0, 1, "-") == 0;
  if (number.find_first_not_of("0123456789", sign) != std::string::npos ||
      number.size() < sign + 5)
    return number;
  std::string grouped;
  for (size_t i = 0; i < number.size(); ++i) {
    if (i > sign && (number.size() - i) % 3 == 0)
      grouped += ',';
    grouped += number[i];
  }
  return grouped;
}

/// A value on one line.
static std::string inLine(const Json &value) {
  switch (value.kind) {
  case Json::Kind::Null:
    return "-";
  case Json::Kind::Boolean:
    return value.boolean ? "yes" : "no";
  case Json::Kind::Number:
    return groupDigits(value.text);
  case Json::Kind::String:
    return value.text;
  case Json::Kind::Array: {
    std::string text;
    for (const Json &item : value.items)
      text += (text.empty() ? "" : " ") + inLine(item);
    return text;
  }
  case Json::Kind::Object: {
    std::string text;
    for (size_t i = 0; i < value.items.size(); ++i)
      text += (text.empty() ? "" : " ") + value.keys[i] + "=" +
              inLine(value.items[i]);
    return text;
  }
  }
  return "";
}

/// Rows of cells in columns; numbers to the right. The first row is the head.
static std::string
renderColumns(const std::vector<std::vector<std::string>> &rows,
              const std::vector<bool> &right, const std::string &indent) {
  std::vector<size_t> widths(right.size(), 0);
  for (const auto &row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width(row[i]));
  std::string text;
  for (const auto &row : rows) {
    std::string line = indent;
    for (size_t i = 0; i < row.size(); ++i) {
      std::string space(widths[i] - width(row[i]), ' ');
      line += right[i] ? space + row[i] : row[i] + space;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

static bool isTable(const Json &value) {
  return value.kind == Json::Kind::Array && !value.items.empty() &&
         std::all_of(
             value.items.begin(), value.items.end(),
             [](const Json &item) { return item.kind == Json::Kind::Object; });
}

static std::string renderTable(const Json &table, const std::string &indent) {
  std::vector<std::string> columns;
  for (const Json &item : table.items)
    for (const std::string &key : item.keys)
      if (std::find(columns.begin(), columns.end(), key) == columns.end())
        columns.push_back(key);
  std::vector<bool> right(columns.size(), true);
  std::vector<std::vector<std::string>> rows = {columns};
  for (const Json &item : table.items) {
    std::vector<std::string> row;
    for (size_t i = 0; i < columns.size(); ++i) {
      const Json *cell = item.find(columns[i]);
      row.push_back(cell ? inLine(*cell) : "");
      if (cell && cell->kind != Json::Kind::Number)
        right[i] = false;
    }
    rows.push_back(std::move(row));
  }
  return renderColumns(rows, right, indent);
}

/// True where `value` is shown on the line of its name.
static bool fitsLine(const Json &value) {
  if (value.isScalar())
    return true;
  if (value.kind == Json::Kind::Object)
    return false;
  return std::all_of(value.items.begin(), value.items.end(),
                     [](const Json &item) { return item.isScalar(); });
}

static std::string renderObject(const Json &object, const std::string &indent) {
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < object.items.size(); ++i)
    if (fitsLine(object.items[i]))
      rows.push_back({object.keys[i], inLine(object.items[i])});
  std::string text = renderColumns(rows, {false, false}, indent);
  for (size_t i = 0; i < object.items.size(); ++i) {
    const Json &value = object.items[i];
    if (fitsLine(value))
      continue;
    text += (text.empty() ? "" : "\n") + indent + object.keys[i];
    if (value.kind == Json::Kind::Array)
      text += " (" + std::to_string(value.items.size()) + ")";
    text += "\n";
    if (value.kind == Json::Kind::Object)
      text += renderObject(value, indent + "  ");
    else if (isTable(value))
      text += renderTable(value, indent + "  ");
    else
      for (const Json &item : value.items)
        text += indent + "  " + inLine(item) + "\n";
  }
  return text;
}

std::string renderManifest(const Json &manifest) {
  if (manifest.kind == Json::Kind::Object)
    return renderObject(manifest, "");
  if (isTable(manifest))
    return renderTable(manifest, "");
  return inLine(manifest) + "\n";
}

} // namespace run
} // namespace winnow
