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
      number.size() < sign + 4)
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

/// Lines are at most about this long where the values allow it.
static constexpr size_t kLine = 100;
/// A table whose cells are longer is shown as one group for each row.
static constexpr size_t kCell = 60;

/// True where `value` is shown on the line of its name.
static bool fitsLine(const Json &value) {
  if (value.kind == Json::Kind::Object)
    return false;
  for (const Json &item : value.items)
    if (!item.isScalar())
      return false;
  return width(inLine(value)) <= kLine;
}

static bool fitsTable(const Json &table) {
  for (const Json &row : table.items)
    for (const Json &cell : row.items)
      if (width(inLine(cell)) > kCell)
        return false;
  return true;
}

/// A long text on several lines, cut after spaces and commas.
static std::string wrap(const std::string &text, const std::string &indent) {
  std::string lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.size();
    if (end - start > kLine) {
      size_t cut = text.find_last_of(" ,", start + kLine - 1);
      end = cut == std::string::npos || cut < start ? start + kLine : cut + 1;
      // Not within a character.
      while (end < text.size() && (text[end] & 0xc0) == 0x80)
        ++end;
    }
    lines += indent + text.substr(start, end - start) + "\n";
    start = end;
  }
  return lines;
}

static std::string renderObject(const Json &object, const std::string &indent);

/// The items of an array, one on each line; equal neighbours are counted.
static std::string renderList(const Json &array, const std::string &indent) {
  std::string text;
  for (size_t i = 0; i < array.items.size();) {
    std::string item = inLine(array.items[i]);
    size_t end = i + 1;
    while (end < array.items.size() && inLine(array.items[end]) == item)
      ++end;
    text += wrap((end - i > 1 ? std::to_string(end - i) + " x " : "") + item,
                 indent);
    i = end;
  }
  return text;
}

/// A value that does not fit on the line of its name.
static std::string renderBlock(const Json &value, const std::string &indent) {
  if (value.kind == Json::Kind::Object)
    return renderObject(value, indent);
  if (value.isScalar())
    return wrap(inLine(value), indent);
  if (!isTable(value))
    return renderList(value, indent);
  if (fitsTable(value))
    return renderTable(value, indent);
  std::string text;
  for (const Json &item : value.items)
    text += (text.empty() ? "" : "\n") + renderObject(item, indent);
  return text;
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
    text += "\n" + renderBlock(value, indent + "  ");
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
