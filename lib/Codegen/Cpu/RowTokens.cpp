//===- RowTokens.cpp - Rows that are made from other rows -----------------===//

#include "winnow/Codegen/Cpu/RowKernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kFloatBytes = sizeof(float);

/// Applies `body` to chunks of 16 lanes at a byte offset; lanes beyond the row
/// are neither read nor written.
static void
mapRow(KernelBuilder &k, int64_t width, Value out,
       function_ref<Value(Value bytes, function_ref<Value(Value)> load)> body) {
  VectorType type = k.vectorType(k.f32Type());
  auto emitChunk = [&](Value bytes, Value count) {
    Value result = body(bytes, [&](Value row) {
      Value ptr = k.offset(row, bytes);
      return count ? k.loadFirst(type, ptr, count) : k.load(type, ptr);
    });
    if (count)
      k.storeFirst(result, k.offset(out, bytes), count);
    else
      k.store(result, k.offset(out, bytes));
  };
  int64_t whole = width / kLanes * kLanes;
  if (whole)
    k.forLoop(k.i64(0), k.i64(whole), k.i64(kLanes), [&](Value from) {
      emitChunk(k.mul(from, kFloatBytes), nullptr);
    });
  if (whole < width)
    emitChunk(k.i64(whole * kFloatBytes), k.i64(width - whole));
}

/// out = first + input * weight, the larger of both, or input.
static void addRow(KernelBuilder &k, PoolKind kind, int64_t width, Value input,
                   Value weight, Value out) {
  mapRow(k, width, out, [&](Value, function_ref<Value(Value)> load) -> Value {
    Value x = load(input);
    switch (kind) {
    case PoolKind::Mean:
      return k.fma(x, k.broadcast(weight), load(out));
    case PoolKind::Max:
      return k.maxF(load(out), x);
    case PoolKind::First:
    case PoolKind::Last:
      return x;
    }
    llvm_unreachable("all kinds are handled");
  });
}

void emitPoolRow(KernelBuilder &k, PoolKind kind, int64_t width,
                 const PoolOperands &operands, Value out) {
  auto fill = [&](float value) {
    mapRow(k, width, out, [&](Value, function_ref<Value(Value)>) {
      return k.splatF32(value);
    });
  };
  fill(kind == PoolKind::Max ? -std::numeric_limits<float>::infinity() : 0);
  // The weights of the rows that count, or their number.
  Value total = k.forLoop(
      k.i64(0), operands.rows, k.i64(1), {k.f32(0)},
      [&](Value index, ValueRange carried) {
        Value bytes = k.mul(index, kFloatBytes);
        Value segment =
            k.load(k.i32Type(), k.offset(operands.segments, bytes), 4);
        Value isMember = k.equal(segment, operands.wanted);
        if (kind == PoolKind::First)
          isMember =
              k.andI(isMember, arith::CmpFOp::create(k.builder(),
                                                     arith::CmpFPredicate::OEQ,
                                                     carried[0], k.f32(0)));
        return k.ifElse(
            isMember, {k.f32Type()},
            [&] {
              Value weight = k.f32(1);
              if (operands.weights)
                weight =
                    k.load(k.f32Type(), k.offset(operands.weights, bytes), 4);
              Value row =
                  k.offset(operands.input, k.mul(index, width * kFloatBytes));
              addRow(k, kind, width, row, weight, out);
              return KernelBuilder::Values{k.addF(carried[0], weight)};
            },
            [&] { return KernelBuilder::Values{carried[0]}; });
      },
      /*unroll=*/false)[0];
  if (kind == PoolKind::First || kind == PoolKind::Last)
    return;
  Value isEmpty = arith::CmpFOp::create(k.builder(), arith::CmpFPredicate::OEQ,
                                        total, k.f32(0));
  k.ifElse(
      isEmpty, {},
      [&] {
        fill(0);
        return KernelBuilder::Values();
      },
      [&] {
        if (kind == PoolKind::Mean)
          mapRow(k, width, out, [&](Value, function_ref<Value(Value)> load) {
            return k.divF(load(out), k.broadcast(total));
          });
        return KernelBuilder::Values();
      });
}

void emitScaledRow(KernelBuilder &k, Value x, float scale, Value out,
                   int64_t length) {
  mapRow(k, length, out, [&](Value, function_ref<Value(Value)> load) {
    return scale == 1 ? load(x) : k.mulF(load(x), k.splatF32(scale));
  });
}

void emitPatchRow(KernelBuilder &k, ArrayRef<int64_t> shape, int64_t size,
                  Value image, Value row, Value out) {
  int64_t height = shape[1], width = shape[2], across = width / size;
  if (across == 0 || height == 0)
    return;
  // The patch's first number in each channel.
  Value first = k.add(k.mul(k.divU(row, across), size * width),
                      k.mul(k.remU(row, across), size));
  k.forLoop(
      k.i64(0), k.i64(shape[0]), k.i64(1),
      [&](Value channel) {
        k.forLoop(
            k.i64(0), k.i64(size), k.i64(1),
            [&](Value line) {
              Value from = k.add(k.add(first, k.mul(channel, height * width)),
                                 k.mul(line, width));
              Value to = k.mul(k.add(k.mul(channel, size), line), size);
              k.memoryCopy(k.offset(out, k.mul(to, kFloatBytes)),
                           k.offset(image, k.mul(from, kFloatBytes)),
                           k.i64(size * kFloatBytes));
            },
            /*unroll=*/false);
      },
      /*unroll=*/false);
}

} // namespace winnow::cpu
