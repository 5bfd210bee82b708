//===- Options.td - The options of winnow-compile ----------*- tablegen -*-===//

include "llvm/Option/OptParser.td"

/// --name=value and --name value.
multiclass Value<string name, string metavar, string help> {
  def _EQ : Joined<["--", "-"], name # "=">, MetaVarName<metavar>,
            HelpText<help>;
  def "" : Separate<["--", "-"], name>, Alias<!cast<Joined>(NAME # "_EQ")>;
}

def help : Flag<["--", "-"], "help">, HelpText<"Print this text">;
def version : Flag<["--", "-"], "version">, HelpText<"Print the version">;
def output : JoinedOrSeparate<["-"], "o">, MetaVarName<"NAME">,
             HelpText<"Path of the artifact without extension; with --emit, "
                      "of the file (- is standard output)">;
defm target_cpu : Value<"target-cpu", "CPU",
    "Processor: host (by CPUID; the default), x86-64-v3, x86-64-v4, znver5, "
    "or another that LLVM knows">;
defm context : Value<"context", "N",
    "Tokens that a session can hold (default: the model's own, at most 8192)">;
defm activations : Value<"activations", "MODE",
    "How inputs of linear layers are rounded: auto, to 8 bits where weights "
    "are integers and to bf16 where they are bf16 (default), or f32, not at "
    "all">;
defm recipe : Value<"recipe", "FILE",
    "Passes that change the model first, one per line, such as "
    "winnow-drop-layers{granularity=attention layers=3,7}; # begins a "
    "comment">;
defm budget : Value<"budget", "LIMIT[,LIMIT]",
    "Search for a recipe that keeps these limits and loses as little as "
    "possible, and compile with it: size=60% of NAME.weights (or 120MB), "
    "time=0.7x of a prompt of 512 tokens and 64 more, kl=0.02 (alone: the "
    "smallest model within). Needs --statistics; takes minutes">;
defm budget_formats : Value<"budget-formats", "FORMAT[,FORMAT]",
    "With --budget: number formats to choose from (default: bf16, q8_0, q6_k, "
    "q5_k, q4_k, q4_0, iq4_nl, q3_k)">;
defm budget_rounds : Value<"budget-rounds", "N",
    "With --budget: runs that are spent on making a plan better (default 6)">;
defm write_recipe : Value<"write-recipe", "FILE",
    "With --budget: where the recipe goes that was found">;
def calibrate : Flag<["--", "-"], "calibrate">,
    HelpText<"Run the model on the texts that follow (files, up to the next "
             "option) and write what the lossy passes want to know of it to "
             "--statistics. With -o, go on and compile with them">;
defm statistics : Value<"statistics", "FILE",
    "Statistics that --calibrate writes, and that passes of a recipe read">;
defm observe : Value<"observe", "KIND[,KIND]",
    "With --calibrate: which statistics: channels and similarity (default), "
    "gram (large: the square of each layer's width)">;
defm observe_only : Value<"observe-only", "REGEX",
    "With --calibrate: only of weights and layers whose names match">;
defm calibrate_window : Value<"calibrate-window", "N",
    "With --calibrate: tokens that a decoder sees together (default 512)">;
def evaluate_on : Flag<["--", "-"], "evaluate-on">,
    HelpText<"What passes of the recipe that measure candidates (metric=kl) and "
             "--budget do it on (default: what --statistics has of the "
             "calibration's): the texts that follow (files, up to the next option)">;
defm evaluate_tokens : Value<"evaluate-tokens", "N",
    "With --evaluate-on: tokens of all texts together, as many of the "
    "beginning of each (default 1024). The logits of the model itself stay in "
    "memory: 4 bytes times vocabulary times N">;
defm evaluate_window : Value<"evaluate-window", "N",
    "With --evaluate-on: tokens that a decoder sees together (default 512)">;
defm weights : Value<"weights", "FORMAT",
    "Round the matrices of the model to another number format: q8_0, q4_k, "
    "int4_g64, f16, ... (an unknown one lists all), or keep (default). The "
    "manifest tells the error of each">;
defm weights_only : Value<"weights-only", "REGEX",
    "With --weights: only matrices whose names match">;
defm weights_skip : Value<"weights-skip", "REGEX",
    "With --weights: but those whose names match">;
defm emit : Value<"emit", "KIND",
    "What to write: artifact (NAME.so, .weights, .h, .json, .tokenizer; the "
    "default), static (NAME.a for NAME.so), or the one file of a stage: mlir "
    "(the imported model), compressed (after lossy passes), inlined (layers in "
    "their entry points), layouts (weights as kernels read them), kernels, "
    "llvm-dialect, llvm, asm, obj">;
defm threads : Value<"threads", "T",
    "Threads (default: one per processor)">;
def debug : Flag<["-"], "g">,
    HelpText<"Debug information: perf and gdb show lines of NAME.kernels.mlir, "
             "which is written beside the artifact">;
def quiet : Flag<["--", "-"], "quiet">,
    HelpText<"No progress on a terminal">;
def print_pipeline : Flag<["--", "-"], "print-pipeline">,
    HelpText<"Print the passes that would run, for --pass-pipeline of "
             "winnow-opt, and do nothing else">;
defm dump_after : Value<"dump-after", "PASS[,PASS]",
    "Print the program after these passes, or after all of them (all), to "
    "standard error">;
defm dump_dir : Value<"dump-dir", "FOLDER",
    "With --dump-after: write a file per pass instead, numbered in order">;
defm remarks : Value<"remarks", "FILE",
    "Write what passes decided, and why, as LLVM's YAML remarks">;
defm report : Value<"report", "FILE",
    "Write what became of the model, layer by layer: a page (.html) or JSON "
    "(.json); may be given twice. With texts (--evaluate-on, or those of "
    "--statistics) the artifact and the plain model are run for it">;
def timing : Flag<["--", "-"], "timing">,
    HelpText<"Print to standard error how long each step and pass took">;
