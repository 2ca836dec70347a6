package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Says what is wrong with a parsed model, before anything of it is believed. */
public final class Checks {
  /** What ONNX Runtime 1.28 loads. */
  public static final long OLDEST_OPSET = 7;

  public static final long NEWEST_IR = 13;
  public static final Map<String, Long> NEWEST_OPSETS =
      Map.of("", 26L, "ai.onnx", 26L, "ai.onnx.ml", 5L, "com.microsoft", 1L);

  private static final Set<String> PAIRS =
      Set.of(
          ("Add Sub Mul Div Pow Gemm MatMul Conv ConvTranspose Reshape DequantizeLinear LSTM GRU RNN"
                  + " FusedGemm FusedMatMul FusedConv MatMulInteger ConvInteger")
              .split(" "));

  private static final Set<String> WITHOUT_INPUTS =
      Set.of("Constant", "Optional", "SequenceEmpty", "RandomNormal", "RandomUniform");

  private final Set<String> problems = new LinkedHashSet<>();

  private Checks() {}

  /** Whole sentences, each a reason not to use the model; none if it is sound. */
  public static List<String> problems(ModelProto model) {
    Checks checks = new Checks();
    checks.versions(model);
    checks.domains(model);
    checks.tensors(model.getGraph());
    model.getFunctionsList().forEach(function -> checks.tensors(function.getNodeList()));
    checks.wiring(model.getGraph());
    checks.dropping(model.getGraph());
    return List.copyOf(checks.problems);
  }

  /** The version of the default operator set; 0 if none is imported. */
  public static long opset(ModelProto model) {
    return model.getOpsetImportList().stream()
        .filter(opset -> opset.getDomain().isEmpty() || opset.getDomain().equals("ai.onnx"))
        .mapToLong(OperatorSetIdProto::getVersion)
        .max()
        .orElse(0);
  }

  private void versions(ModelProto model) {
    if (model.getIrVersion() > NEWEST_IR) {
      problems.add(
          "Its IR version %d is newer than the newest one known here, %d: export it again with an older onnx package."
              .formatted(model.getIrVersion(), NEWEST_IR));
    }
    long opset = opset(model);
    if (opset == 0) {
      problems.add("It imports no default operator set: export it again, with an opset version.");
    } else if (opset < OLDEST_OPSET) {
      problems.add(
          "Its opset %d is older than %d, the oldest one that runs: convert it with onnx.version_converter."
              .formatted(opset, OLDEST_OPSET));
    }
    for (OperatorSetIdProto imported : model.getOpsetImportList()) {
      long newest = NEWEST_OPSETS.getOrDefault(imported.getDomain(), Long.MAX_VALUE);
      if (imported.getVersion() > newest) {
        problems.add(
            "Its opset %s%d is newer than %d, the newest one known here: export it with opset_version=%d."
                .formatted(
                    imported.getDomain().isEmpty() ? "" : imported.getDomain() + " ",
                    imported.getVersion(),
                    newest,
                    newest));
      }
    }
  }

  private void domains(ModelProto model) {
    Set<String> known = new HashSet<>(NEWEST_OPSETS.keySet());
    Set<String> used = new TreeSet<>();
    domainsOf(model.getGraph(), used);
    for (FunctionProto function : model.getFunctionsList()) {
      known.add(function.getDomain());
      function.getNodeList().forEach(node -> domainsOf(node, used));
    }
    Set<String> imported = new HashSet<>(Set.of("", "ai.onnx"));
    model.getOpsetImportList().forEach(opset -> imported.add(opset.getDomain()));
    for (String domain : used) {
      if (!known.contains(domain)) {
        problems.add(
            "It uses operators of the unknown opset domain `%s`: export it with standard ONNX operators only."
                .formatted(domain));
      } else if (!imported.contains(domain)) {
        problems.add(
            "It uses operators of domain `%s` without importing that opset: the file is damaged."
                .formatted(domain));
      }
    }
  }

  private static void domainsOf(GraphProto graph, Set<String> used) {
    graph.getNodeList().forEach(node -> domainsOf(node, used));
  }

  private static void domainsOf(NodeProto node, Set<String> used) {
    used.add(node.getDomain());
    Graph.attributeGraphs(node).forEach(inner -> domainsOf(inner, used));
  }

  private void tensors(GraphProto graph) {
    graph.getInitializerList().forEach(this::tensor);
    graph.getSparseInitializerList().forEach(sparse -> external(sparse.getValues()));
    tensors(graph.getNodeList());
  }

  private void tensors(List<NodeProto> nodes) {
    for (NodeProto node : nodes) {
      for (AttributeProto attribute : node.getAttributeList()) {
        if (attribute.hasT()) {
          tensor(attribute.getT());
        }
        attribute.getTensorsList().forEach(this::tensor);
      }
      Graph.attributeGraphs(node).forEach(this::tensors);
    }
  }

  private boolean external(TensorProto tensor) {
    boolean external =
        tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
            || tensor.getExternalDataCount() > 0;
    if (external) {
      problems.add(
          "Its weights are in another file (external data) that is not read: save it as one file, with onnx.save(onnx.load(path), path, save_as_external_data=False).");
    }
    return external;
  }

  private void tensor(TensorProto tensor) {
    if (external(tensor)) {
      return;
    }
    String flaw = Stored.flaw(tensor);
    if (flaw != null) {
      problems.add(
          "Its tensor `%s` %s: the file is damaged, export it again."
              .formatted(tensor.getName(), flaw));
    }
  }

  private void wiring(GraphProto graph) {
    Set<String> known = new HashSet<>();
    graph.getInputList().forEach(input -> known.add(input.getName()));
    graph.getInitializerList().forEach(tensor -> known.add(tensor.getName()));
    graph.getSparseInitializerList().forEach(s -> known.add(s.getValues().getName()));
    Set<String> made = new HashSet<>();
    for (NodeProto node : graph.getNodeList()) {
      arity(node);
      for (String used : Graph.uses(node)) {
        if (!known.contains(used)) {
          problems.add(
              "Its node %s `%s` uses the tensor `%s`, which nothing before it makes: the file is damaged, export it again."
                  .formatted(node.getOpType(), node.getName(), used));
        }
      }
      for (String output : node.getOutputList()) {
        if (!output.isEmpty() && (!made.add(output) || !known.add(output))) {
          problems.add(
              "Its tensor `%s` is made twice: the file is damaged, export it again."
                  .formatted(output));
        }
      }
    }
    outputs(graph, known);
  }

  /** Standard operators have as many inputs as the code that looks at them takes for granted. */
  private void arity(NodeProto node) {
    boolean standard = NEWEST_OPSETS.containsKey(node.getDomain());
    String op = node.getOpType();
    int least = PAIRS.contains(op) ? 2 : WITHOUT_INPUTS.contains(op) ? 0 : 1;
    if (standard && (node.getInputCount() < least || node.getOutputCount() == 0)) {
      problems.add(
          "Its node %s `%s` has too few inputs or outputs: the file is damaged, export it again."
              .formatted(op, node.getName()));
    }
  }

  private void outputs(GraphProto graph, Set<String> known) {
    if (graph.getOutputCount() == 0) {
      problems.add("It has no output: export it again.");
    }
    for (ValueInfoProto output : graph.getOutputList()) {
      if (!known.contains(output.getName())) {
        problems.add(
            "Nothing in it makes its output `%s`: the file is damaged, export it again."
                .formatted(output.getName()));
      }
    }
  }

  private static boolean dropsNone(Graph graph, String ratio) {
    return Constant.resolve(graph, ratio)
        .filter(constant -> constant.obstacle() == null && constant.size() == 1)
        .filter(constant -> constant.values()[0] == 0)
        .isPresent();
  }

  /** Backbone or head, whichever it is cut into, would drop values in service as well. */
  private void dropping(GraphProto proto) {
    List<NodeProto> switched =
        proto.getNodeList().stream()
            .filter(node -> node.getOpType().equals("Dropout") && node.getInputCount() > 2)
            .filter(node -> !node.getInput(2).isEmpty())
            .toList();
    if (switched.isEmpty() || !problems.isEmpty()) {
      return;
    }
    // inner tensors may be declared as large as those of the example exported with
    Graph graph = new Graph(proto.toBuilder().clearValueInfo().build());
    Set<Integer> needed = graph.needed(Set.of(), graph.outputs());
    for (NodeProto node : switched) {
      boolean off =
          !needed.contains(graph.producerPosition(Graph.output(node)))
              || graph.shapes().truth(node.getInput(2)).filter(on -> !on).isPresent()
              || dropsNone(graph, node.getInput(1));
      if (!off) {
        problems.add(
            "Its node Dropout, which makes `%s`, drops values at random (training_mode), and would wherever it is cut: export it in eval mode."
                .formatted(node.getOutput(0)));
      }
    }
  }
}
