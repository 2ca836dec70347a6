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
import java.util.Set;
import java.util.TreeSet;

/** Says what is wrong with a parsed model, before anything of it is believed. */
public final class Checks {
  /** The oldest and newest default opset, and the newest IR version, ONNX Runtime 1.28 loads. */
  static final long OLDEST_OPSET = 7;

  public static final long NEWEST_OPSET = 26;
  public static final long NEWEST_IR = 13;

  private static final Set<String> KNOWN_DOMAINS =
      Set.of("", "ai.onnx", "ai.onnx.ml", "com.microsoft");

  private final Set<String> problems = new LinkedHashSet<>();

  private Checks() {}

  /** Whole sentences, each a reason not to use the model; none if it is sound. */
  public static List<String> problems(ModelProto model) {
    Checks checks = new Checks();
    checks.versions(model);
    checks.domains(model);
    checks.tensors(model.getGraph());
    checks.wiring(model.getGraph());
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
          "Its IR version %d is newer than the newest one known here, %d: export it with an older onnx package or set ir_version to %d."
              .formatted(model.getIrVersion(), NEWEST_IR, NEWEST_IR));
    }
    long opset = opset(model);
    if (opset == 0) {
      problems.add("It imports no default operator set: export it again, with an opset version.");
    } else if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
      problems.add(
          "Its opset %d is not one of %d to %d, which ONNX Runtime runs: convert it with onnx.version_converter, or export it with another opset_version."
              .formatted(opset, OLDEST_OPSET, NEWEST_OPSET));
    }
  }

  private void domains(ModelProto model) {
    Set<String> known = new HashSet<>(KNOWN_DOMAINS);
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
    for (NodeProto node : graph.getNodeList()) {
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
          "Its weights are in another file (external data): save it as one file, with onnx.save(onnx.load(path), path, save_as_external_data=False).");
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
}
