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

/** Validates a parsed model before anything else reads it. */
public final class Checks {
  /** The versions that ONNX Runtime 1.28 loads. */
  public static final long OLDEST_OPSET = 7;

  public static final long NEWEST_IR = 13;
  public static final Map<String, Long> NEWEST_OPSETS =
      Map.of("", 26L, "ai.onnx", 26L, "ai.onnx.ml", 5L, "com.microsoft", 1L);

  private static final Set<String> TWO_INPUT_OPERATORS =
      Set.of(
          ("Add Sub Mul Div Pow Gemm MatMul Conv ConvTranspose Reshape DequantizeLinear LSTM GRU RNN"
                  + " FusedGemm FusedMatMul FusedConv MatMulInteger ConvInteger")
              .split(" "));

  private static final Set<String> NO_INPUT_OPERATORS =
      Set.of("Constant", "Optional", "SequenceEmpty", "RandomNormal", "RandomUniform");

  private final Set<String> problems = new LinkedHashSet<>();

  private Checks() {}

  /** Returns the reasons not to use the model, as whole sentences; empty if it is valid. */
  public static List<String> problems(ModelProto model) {
    Checks checks = new Checks();
    checks.checkVersions(model);
    checks.checkDomains(model);
    checks.checkTensors(model.getGraph());
    model.getFunctionsList().forEach(function -> checks.checkTensors(function.getNodeList()));
    checks.checkWiring(model.getGraph());
    checks.checkDropout(model.getGraph());
    return List.copyOf(checks.problems);
  }

  /** Returns the version of the default operator set; 0 if the model does not import it. */
  public static long opset(ModelProto model) {
    return model.getOpsetImportList().stream()
        .filter(opset -> opset.getDomain().isEmpty() || opset.getDomain().equals("ai.onnx"))
        .mapToLong(OperatorSetIdProto::getVersion)
        .max()
        .orElse(0);
  }

  private void checkVersions(ModelProto model) {
    if (model.getIrVersion() > NEWEST_IR) {
      problems.add(
          "IR version %d is newer than the newest supported version, %d: export the model with an older onnx package."
              .formatted(model.getIrVersion(), NEWEST_IR));
    }
    long opset = opset(model);
    if (opset == 0) {
      problems.add(
          "The model does not import the default operator set: export it again with an opset version.");
    } else if (opset < OLDEST_OPSET) {
      problems.add(
          "Opset %d is older than the oldest supported opset, %d: convert the model with onnx.version_converter."
              .formatted(opset, OLDEST_OPSET));
    }
    for (OperatorSetIdProto imported : model.getOpsetImportList()) {
      long newest = NEWEST_OPSETS.getOrDefault(imported.getDomain(), Long.MAX_VALUE);
      if (imported.getVersion() > newest) {
        problems.add(
            "Opset %s%d is newer than the newest supported opset, %d: export the model with opset_version=%d."
                .formatted(
                    imported.getDomain().isEmpty() ? "" : imported.getDomain() + " ",
                    imported.getVersion(),
                    newest,
                    newest));
      }
    }
  }

  private void checkDomains(ModelProto model) {
    Set<String> known = new HashSet<>(NEWEST_OPSETS.keySet());
    Set<String> used = new TreeSet<>();
    collectDomains(model.getGraph(), used);
    for (FunctionProto function : model.getFunctionsList()) {
      known.add(function.getDomain());
      function.getNodeList().forEach(node -> collectDomains(node, used));
    }
    Set<String> imported = new HashSet<>(Set.of("", "ai.onnx"));
    model.getOpsetImportList().forEach(opset -> imported.add(opset.getDomain()));
    for (String domain : used) {
      if (!known.contains(domain)) {
        problems.add(
            "The operator domain `%s` is not supported: export the model with standard ONNX operators only."
                .formatted(domain));
      } else if (!imported.contains(domain)) {
        problems.add(
            "The model uses operators of domain `%s` but does not import its opset: the file is damaged; export the model again."
                .formatted(domain));
      }
    }
  }

  private static void collectDomains(GraphProto graph, Set<String> used) {
    graph.getNodeList().forEach(node -> collectDomains(node, used));
  }

  private static void collectDomains(NodeProto node, Set<String> used) {
    used.add(node.getDomain());
    Graph.attributeGraphs(node).forEach(inner -> collectDomains(inner, used));
  }

  private void checkTensors(GraphProto graph) {
    graph.getInitializerList().forEach(this::checkTensor);
    graph.getSparseInitializerList().forEach(sparse -> checkExternalData(sparse.getValues()));
    checkTensors(graph.getNodeList());
  }

  private void checkTensors(List<NodeProto> nodes) {
    for (NodeProto node : nodes) {
      for (AttributeProto attribute : node.getAttributeList()) {
        if (attribute.hasT()) {
          checkTensor(attribute.getT());
        }
        attribute.getTensorsList().forEach(this::checkTensor);
      }
      Graph.attributeGraphs(node).forEach(this::checkTensors);
    }
  }

  private boolean checkExternalData(TensorProto tensor) {
    boolean external =
        tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL
            || tensor.getExternalDataCount() > 0;
    if (external) {
      problems.add(
          "Weights stored in another file (external data) cannot be read: save the model as one file, with onnx.save(onnx.load(path), path, save_as_external_data=False).");
    }
    return external;
  }

  private void checkTensor(TensorProto tensor) {
    if (checkExternalData(tensor)) {
      return;
    }
    String problem = Stored.flaw(tensor);
    if (problem != null) {
      problems.add(
          "Tensor `%s` %s: the file is damaged; export the model again."
              .formatted(tensor.getName(), problem));
    }
  }

  private void checkWiring(GraphProto graph) {
    Set<String> known = new HashSet<>();
    graph.getInputList().forEach(input -> known.add(input.getName()));
    graph.getInitializerList().forEach(tensor -> known.add(tensor.getName()));
    graph.getSparseInitializerList().forEach(s -> known.add(s.getValues().getName()));
    Set<String> produced = new HashSet<>();
    for (NodeProto node : graph.getNodeList()) {
      checkArity(node);
      for (String used : Graph.uses(node)) {
        if (!known.contains(used)) {
          problems.add(
              "Node %s `%s` uses tensor `%s`, which no earlier node produces: the file is damaged; export the model again."
                  .formatted(node.getOpType(), node.getName(), used));
        }
      }
      for (String output : node.getOutputList()) {
        if (!output.isEmpty() && (!produced.add(output) || !known.add(output))) {
          problems.add(
              "Tensor `%s` is produced twice: the file is damaged; export the model again."
                  .formatted(output));
        }
      }
    }
    checkOutputs(graph, known);
  }

  /** Checks that standard operators have the inputs that other code relies on. */
  private void checkArity(NodeProto node) {
    boolean standard = NEWEST_OPSETS.containsKey(node.getDomain());
    String op = node.getOpType();
    int minInputs = TWO_INPUT_OPERATORS.contains(op) ? 2 : NO_INPUT_OPERATORS.contains(op) ? 0 : 1;
    if (standard && (node.getInputCount() < minInputs || node.getOutputCount() == 0)) {
      problems.add(
          "Node %s `%s` has too few inputs or outputs: the file is damaged; export the model again."
              .formatted(op, node.getName()));
    }
  }

  private void checkOutputs(GraphProto graph, Set<String> known) {
    if (graph.getOutputCount() == 0) {
      problems.add("The model has no outputs: export it again.");
    }
    for (ValueInfoProto output : graph.getOutputList()) {
      if (!known.contains(output.getName())) {
        problems.add(
            "No node produces the output `%s`: the file is damaged; export the model again."
                .formatted(output.getName()));
      }
    }
  }

  private static boolean isZero(Graph graph, String ratio) {
    return Constant.resolve(graph, ratio)
        .filter(constant -> constant.obstacle() == null && constant.size() == 1)
        .filter(constant -> constant.values()[0] == 0)
        .isPresent();
  }

  /** Rejects active Dropout: it would also drop values when scoring. */
  private void checkDropout(GraphProto proto) {
    List<NodeProto> dropouts =
        proto.getNodeList().stream()
            .filter(node -> node.getOpType().equals("Dropout") && node.getInputCount() > 2)
            .filter(node -> !node.getInput(2).isEmpty())
            .toList();
    if (dropouts.isEmpty() || !problems.isEmpty()) {
      return;
    }
    // ignore value info: exporters may record the sizes of the example input there
    Graph graph = new Graph(proto.toBuilder().clearValueInfo().build());
    Set<Integer> needed = graph.needed(Set.of(), graph.outputs());
    for (NodeProto node : dropouts) {
      boolean inactive =
          !needed.contains(graph.producerPosition(Graph.output(node)))
              || graph.shapes().truth(node.getInput(2)).filter(on -> !on).isPresent()
              || isZero(graph, node.getInput(1));
      if (!inactive) {
        problems.add(
            "The Dropout node with output `%s` drops values at random (training_mode) and would also do so when scoring: export the model in eval mode."
                .formatted(node.getOutput(0)));
      }
    }
  }
}
