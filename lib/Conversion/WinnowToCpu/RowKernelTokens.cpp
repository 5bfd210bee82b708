//===- RowKernelTokens.cpp - Steps of ops on the set of tokens ------------===//

#include "RowKernelEmitter.h"

using namespace mlir;

namespace winnow::cpu {

void RowKernelEmitter::emitConcat(KernelBuilder &kb, const Step &step,
                                  Value row) {
  Value source;
  int64_t first = 0;
  for (int input : step.inputs) {
    Value ptr = rowOf(kb, input, kb.add(row, -first));
    source =
        source ? kb.select(kb.lessThan(row, kb.i64(first)), source, ptr) : ptr;
    first += plan.buffers[input].rows.constant;
  }
  kb.memoryCopy(rowOf(kb, step.outputs[0], row), source,
                kb.i64(plan.buffers[step.outputs[0]].rowBytes));
}

void RowKernelEmitter::emitPool(KernelBuilder &kb, const Step &step,
                                Value row) {
  auto op = cast<TokenPoolOp>(step.op);
  PoolOperands operands;
  operands.input = base(kb, step.inputs[0]);
  operands.segments = base(kb, step.inputs[1]);
  operands.wanted =
      kb.load(kb.i32Type(), rowOf(kb, step.inputs[Step::kPoolWanted], row), 4);
  if (step.inputs[3] >= 0)
    operands.weights = base(kb, step.inputs[3]);
  operands.rows = kb.arg(countsArg() + countNumber(step));
  emitPoolRow(kb, op.getKind(), rowElements(op.getInput()), operands,
              rowOf(kb, step.outputs[0], row));
}

void RowKernelEmitter::emitScore(KernelBuilder &kb, const Step &step,
                                 Value row) {
  auto op = cast<TokenScoreOp>(step.op);
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  TokenScoreSpec spec{query.getDimSize(1), key.getDimSize(1),
                      query.getDimSize(2), op.getScale().convertToFloat(),
                      op.getDistances(),   op.getLast()};
  auto optional = [&](unsigned input) {
    return step.inputs[input] < 0 ? Value() : base(kb, step.inputs[input]);
  };
  TokenScoreOperands operands{base(kb, step.inputs[0]),
                              base(kb, step.inputs[1]),
                              optional(Step::kScoreLse),
                              optional(3),
                              optional(4),
                              optional(5),
                              optional(6),
                              kb.arg(countsArg() + countNumber(step))};
  auto emitRow =
      step.kind == Step::Kind::TokenLse ? emitTokenLseRow : emitTokenScoreRow;
  emitRow(kb, spec, operands, row, rowOf(kb, step.outputs[0], row));
}

/// A step of a selection.
void RowKernelEmitter::emitSelect(KernelBuilder &kb, const Step &step,
                                  Value row) {
  auto op = cast<TokenSelectOp>(step.op);
  TokenSelectOperands operands;
  if (step.inputs[1] >= 0)
    operands.segments = base(kb, step.inputs[1]);
  operands.rows = kb.arg(countsArg() + countNumber(step));
  Value out = rowOf(kb, step.outputs[0], row);
  if (step.kind == Step::Kind::TokenPasses) {
    Value score = kb.load(kb.f32Type(), rowOf(kb, step.inputs[0], row), 4);
    Value prunable;
    if (step.inputs[2] >= 0)
      prunable = kb.load(kb.i32Type(), rowOf(kb, step.inputs[2], row), 4);
    return emitTokenPassesRow(kb, op.getPolicy(), operands, score, prunable,
                              row, out);
  }
  if (step.kind == Step::Kind::TokenFuse) {
    Value score =
        kb.load(kb.f32Type(), rowOf(kb, step.inputs[Step::kFuseScore], row), 4);
    return emitTokenFuseRow(kb, operands, base(kb, step.inputs[0]), score, row,
                            out, rowOf(kb, step.outputs[1], row));
  }
  if (step.kind == Step::Kind::TokenOrder) {
    operands.scores = base(kb, step.inputs[0]);
    if (step.inputs[2] >= 0)
      operands.prunable = base(kb, step.inputs[2]);
    emitTokenOrderRow(kb, op.getPolicy(), operands, row, out,
                      rowOf(kb, step.outputs[1], row));
    return;
  }
  Value rank =
      step.outputs.size() == 1 ? Value() : rowOf(kb, step.outputs[1], row);
  emitTokenStaysRow(kb, operands, base(kb, step.inputs[0]),
                    rowOf(kb, step.inputs[Step::kStaysLimit], row), row, out,
                    rank);
}

/// The first or the second step of a matching.
void RowKernelEmitter::emitMatch(KernelBuilder &kb, const Step &step,
                                 Value row) {
  auto op = cast<TokenMatchOp>(step.op);
  auto key = cast<RankedTensorType>(op.getKey().getType());
  TokenMatchSpec spec{key.getDimSize(1), key.getDimSize(2),
                      static_cast<int64_t>(op.getFirst()),
                      static_cast<int64_t>(op.getLast())};
  Value out = rowOf(kb, step.outputs[0], row);
  if (step.kind == Step::Kind::TokenUnit)
    return emitTokenUnitRow(kb, spec, rowOf(kb, step.inputs[0], row), out);
  TokenMatchOperands operands{base(kb, step.inputs[0]),
                              step.inputs[1] < 0 ? Value()
                                                 : base(kb, step.inputs[1]),
                              kb.arg(countsArg() + countNumber(step))};
  emitTokenMatchRow(kb, spec, operands, row, out,
                    rowOf(kb, step.outputs[1], row));
}

/// A step of what joins or brings back tokens that did not stay.
void RowKernelEmitter::emitMerge(KernelBuilder &kb, const Step &step,
                                 Value row) {
  Value sources = kb.arg(countsArg() + countNumber(step));
  Value out = rowOf(kb, step.outputs[0], row);
  switch (step.kind) {
  case Step::Kind::MergedRow: {
    Value into = kb.load(kb.i32Type(),
                         rowOf(kb, step.inputs[Step::kMergedInto], row), 4);
    return emitMergedRow(kb, {base(kb, step.inputs[0]), sources}, row, into,
                         out);
  }
  case Step::Kind::TokenMerge: {
    TokenMergeOperands operands{base(kb, step.inputs[0]),
                                step.inputs[1] < 0 ? Value()
                                                   : base(kb, step.inputs[1]),
                                base(kb, step.inputs[2]), sources};
    auto op = cast<TokenMergeOp>(step.op);
    return emitTokenMergeRow(kb, rowElements(op.getInput()), operands, row, out,
                             rowOf(kb, step.outputs[1], row), op.getSum());
  }
  default:
    return emitTokenRestoreRow(
        kb, rowElements(step.op->getResult(0)),
        {base(kb, step.inputs[1]), sources}, base(kb, step.inputs[0]),
        rowOf(kb, step.inputs[Step::kRestoreBase], row), row, out);
  }
}

} // namespace winnow::cpu
