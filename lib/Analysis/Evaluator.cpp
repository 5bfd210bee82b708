//===- Evaluator.cpp - How good a candidate is ----------------------------===//

#include "winnow/Analysis/Evaluator.h"

// The anchor of its virtual table.
winnow::Evaluator::~Evaluator() = default;
