//===- WeightPlanner.cpp - How large weights become -----------------------===//

#include "winnow/Analysis/WeightPlanner.h"

// The anchor of its virtual table.
winnow::WeightPlanner::~WeightPlanner() = default;
