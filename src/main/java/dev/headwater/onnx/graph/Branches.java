package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Inlines each If of the main graph whose condition follows from constants and input sizes. The
 * layers inside the branch become visible. PyTorch's older exporter writes an If for every squeeze.
 */
public final class Branches {
  private final Graph graph;
  private final GraphProto.Builder result;
  private final Set<String> usedNames = new HashSet<>();

  /** Ignores value info: exporters may record the sizes of the example input there. */
  private Branches(GraphProto proto) {
    graph = new Graph(proto.toBuilder().clearValueInfo().build());
    result = proto.toBuilder().clearNode();
    Graph.collectNames(proto, usedNames);
  }

  /**
   * Returns the model with constant If nodes of its main graph inlined.
   *
   * @param model a model without {@link Checks#problems problems}
   */
  public static ModelProto inlined(ModelProto model) {
    ModelProto result = model;
    boolean finite = model.getFunctionsCount() == 0; // a function may call itself from a branch
    // an inlined branch may contain another If, or fix sizes that another condition depends on
    for (int i = 0; containsIf(result) && (finite || i < Functions.DEEPEST); i++) {
      Optional<GraphProto> graph = new Branches(result.getGraph()).inlineIfs();
      if (graph.isEmpty()) {
        return result;
      }
      result = result.toBuilder().setGraph(graph.get()).build();
      result = Functions.inlined(result).orElse(result);
    }
    return result;
  }

  private static boolean containsIf(ModelProto model) {
    return model.getGraph().getNodeList().stream().anyMatch(Branches::isIf);
  }

  private static boolean isIf(NodeProto node) {
    return node.getOpType().equals("If");
  }

  /** Returns the branch that an If runs for the condition; empty if the branch is missing. */
  public static Optional<GraphProto> branch(NodeProto node, boolean condition) {
    return Graph.attribute(node, condition ? "then_branch" : "else_branch")
        .map(AttributeProto::getG)
        .filter(branch -> branch.getOutputCount() >= node.getOutputCount());
  }

  /** Returns the rewritten graph; empty if nothing was inlined. */
  private Optional<GraphProto> inlineIfs() {
    boolean inlined = false;
    for (NodeProto node : graph.proto().getNodeList()) {
      Optional<GraphProto> branch =
          Optional.of(node)
              .filter(Branches::isIf)
              .flatMap(ifNode -> graph.shapes().truth(ifNode.getInput(0)))
              .flatMap(condition -> branch(node, condition));
      branch.ifPresentOrElse(body -> inline(node, body), () -> result.addNode(node));
      inlined |= branch.isPresent();
    }
    return inlined ? Optional.of(result.build()) : Optional.empty();
  }

  /** Inlines a branch. Branches may share tensor names, so each tensor gets a new name. */
  private void inline(NodeProto node, GraphProto branch) {
    Set<String> own = Functions.defined(branch.getNodeList());
    branch.getInitializerList().forEach(tensor -> own.add(tensor.getName()));
    branch.getSparseInitializerList().forEach(sparse -> own.add(sparse.getValues().getName()));
    Map<String, String> names = new HashMap<>();
    own.forEach(
        name -> names.put(name, Functions.fresh(node.getOutput(0) + "/" + name, usedNames)));
    branch
        .getInitializerList()
        .forEach(t -> result.addInitializer(t.toBuilder().setName(names.get(t.getName()))));
    for (SparseTensorProto sparse : branch.getSparseInitializerList()) {
      SparseTensorProto.Builder renamed = result.addSparseInitializerBuilder().mergeFrom(sparse);
      renamed.getValuesBuilder().setName(names.get(sparse.getValues().getName()));
    }
    branch.getNodeList().forEach(inner -> result.addNode(Functions.renamed(inner, names)));
    for (int i = 0; i < node.getOutputCount(); i++) {
      String branchOutput = branch.getOutput(i).getName();
      result.addNode(
          NodeProto.newBuilder()
              .setOpType("Identity")
              .addInput(names.getOrDefault(branchOutput, branchOutput))
              .addOutput(node.getOutput(i)));
    }
  }
}
