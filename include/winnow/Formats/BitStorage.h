//===- BitStorage.h - Where the bits of a stored integer are ---*- C++ -*-===//
//
// Block formats scatter the bits of a code over bytes. Almost all of them do
// so by a rule that is linear in quotients and remainders of the element
// index, so a format is described by data and one reader serves them all.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_BITSTORAGE_H
#define WINNOW_FORMATS_BITSTORAGE_H

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace winnow {

/// A short list that lives inside a constant.
template <typename T, size_t Capacity> class FixedList {
public:
  constexpr FixedList() = default;
  constexpr FixedList(std::initializer_list<T> list) {
    for (const T &item : list)
      push(item);
  }
  constexpr void push(const T &item) {
    if (count == Capacity)
      __builtin_unreachable(); // not a constant expression: a compile error
    items[count++] = item;
  }
  constexpr size_t size() const { return count; }
  constexpr bool empty() const { return count == 0; }
  constexpr const T &operator[](size_t i) const { return items[i]; }
  constexpr const T *begin() const { return items; }
  constexpr const T *end() const { return items + count; }

private:
  T items[Capacity] = {};
  size_t count = 0;
};

/// A function of an element index i: constant + sum of
/// factor * ((multiplier * i / divisor) % modulus), written with the usual
/// operators over `IndexFunction::index()`; `/` and `%` apply to one such term
/// alone. An expression outside this family does not compile as a constant.
class IndexFunction {
public:
  constexpr IndexFunction(unsigned constant = 0) : constant(constant) {}
  /// The identity, i.
  static constexpr IndexFunction index() {
    IndexFunction function;
    function.terms.push({1, 1, 1, 0});
    return function;
  }

  constexpr unsigned operator()(unsigned i) const {
    unsigned sum = constant;
    for (const Term &term : terms) {
      unsigned value = term.multiplier * i / term.divisor;
      sum += term.factor * (term.modulus ? value % term.modulus : value);
    }
    return sum;
  }

  friend constexpr IndexFunction operator+(const IndexFunction &left,
                                           const IndexFunction &right) {
    IndexFunction sum = left;
    sum.constant += right.constant;
    for (const Term &term : right.terms)
      sum.terms.push(term);
    return sum;
  }
  friend constexpr IndexFunction operator*(unsigned factor,
                                           const IndexFunction &function) {
    IndexFunction product(factor * function.constant);
    for (const Term &term : function.terms)
      product.terms.push(
          {factor * term.factor, term.multiplier, term.divisor, term.modulus});
    return product;
  }
  friend constexpr IndexFunction operator/(const IndexFunction &function,
                                           unsigned divisor) {
    Term term = function.singleTerm();
    if (term.modulus % divisor != 0)
      __builtin_unreachable();
    return single(
        {1, term.multiplier, term.divisor * divisor, term.modulus / divisor});
  }
  friend constexpr IndexFunction operator%(const IndexFunction &function,
                                           unsigned modulus) {
    Term term = function.singleTerm();
    if (term.modulus % modulus != 0)
      __builtin_unreachable();
    return single({1, term.multiplier, term.divisor, modulus});
  }

private:
  struct Term {
    unsigned factor = 0;
    unsigned multiplier = 1;
    unsigned divisor = 1;
    unsigned modulus = 0; ///< 0: no remainder is taken
  };
  static constexpr IndexFunction single(Term term) {
    IndexFunction function;
    function.terms.push(term);
    return function;
  }
  constexpr Term singleTerm() const {
    if (constant != 0 || terms.size() != 1)
      __builtin_unreachable();
    Term term = terms[0];
    if (term.divisor == 1 && term.modulus == 0) {
      term.multiplier *= term.factor;
      term.factor = 1;
    }
    if (term.factor != 1)
      __builtin_unreachable();
    return term;
  }

  unsigned constant;
  FixedList<Term, 3> terms;
};

/// Some bits of a stored integer: `width` bits of the little-endian bytes at
/// `byte(i)` of the block, from bit `shift(i)` on, become the bits of the
/// integer from `destination` on.
struct BitPart {
  unsigned width = 0;
  IndexFunction byte;
  IndexFunction shift;
  unsigned destination = 0;
};

/// A stored unsigned integer is the OR of its parts.
using BitParts = FixedList<BitPart, 3>;

/// The integer with index i of a block. The bytes that the parts name must
/// exist; `verifyFormat` checks that once per format.
inline uint32_t readBits(const BitParts &parts, const uint8_t *block,
                         unsigned i) {
  uint32_t value = 0;
  for (const BitPart &part : parts) {
    unsigned byte = part.byte(i), shift = part.shift(i);
    uint64_t word = 0;
    for (unsigned k = 0; 8 * k < shift + part.width; ++k)
      word |= uint64_t(block[byte + k]) << (8 * k);
    uint64_t mask = (uint64_t(1) << part.width) - 1;
    value |= uint32_t((word >> shift) & mask) << part.destination;
  }
  return value;
}

/// Replaces the stored integer with index i of a block by the low bits of
/// `value`.
inline void writeBits(const BitParts &parts, uint8_t *block, unsigned i,
                      uint32_t value) {
  for (const BitPart &part : parts) {
    unsigned byte = part.byte(i), shift = part.shift(i);
    uint64_t mask = ((uint64_t(1) << part.width) - 1) << shift;
    uint64_t bits = (uint64_t(value) >> part.destination << shift) & mask;
    for (unsigned k = 0; 8 * k < shift + part.width; ++k)
      block[byte + k] =
          uint8_t((block[byte + k] & ~(mask >> (8 * k))) | (bits >> (8 * k)));
  }
}

} // namespace winnow

#endif // WINNOW_FORMATS_BITSTORAGE_H
