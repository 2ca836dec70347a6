package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Inlines calls of model-local functions in the main graph, so that the layers inside are visible.
 * A call stays if its function was written for an opset other than the model's.
 */
public final class Functions {
  /** Limits the expansion: nested calls in a file of a few kilobytes can reach billions. */
  private static final int MAX_NODES = 500_000;

  /** Limits the calls as well: a function may expand to no nodes at all. */
  private static final int MAX_CALLS = MAX_NODES;

  static final int DEEPEST = 64;

  private final Map<String, FunctionProto> functions = new HashMap<>();
  private final Map<String, Long> opsets = new LinkedHashMap<>();
  private final List<NodeProto> nodes = new ArrayList<>();
  private final Set<String> usedNames = new HashSet<>();
  private int calls;

  private Functions(ModelProto model) {
    model.getOpsetImportList().forEach(o -> opsets.put(canonical(o.getDomain()), o.getVersion()));
    for (FunctionProto function : model.getFunctionsList()) {
      functions.put(
          key(function.getDomain(), function.getName(), function.getOverload()), function);
    }
  }

  /**
   * Returns the model with function calls in its main graph inlined; empty if the expansion exceeds
   * the limits, for example by recursion.
   */
  public static Optional<ModelProto> inlined(ModelProto model) {
    if (model.getFunctionsCount() == 0) {
      return Optional.of(model);
    }
    Functions inliner = new Functions(model);
    inliner.collectNames(model.getGraph());
    for (NodeProto node : model.getGraph().getNodeList()) {
      if (!inliner.expand(node, 0)) {
        return Optional.empty();
      }
    }
    GraphProto.Builder graph = model.getGraph().toBuilder().clearNode().addAllNode(inliner.nodes);
    ModelProto.Builder result = model.toBuilder().setGraph(graph).clearOpsetImport();
    inliner.opsets.forEach(
        (domain, version) ->
            result.addOpsetImport(
                OperatorSetIdProto.newBuilder().setDomain(domain).setVersion(version)));
    return Optional.of(result.build());
  }

  private static String canonical(String domain) {
    return domain.equals("ai.onnx") ? "" : domain;
  }

  private static String key(String domain, String name, String overload) {
    return canonical(domain) + '\0' + name + '\0' + overload;
  }

  private void collectNames(GraphProto graph) {
    graph.getInputList().forEach(input -> usedNames.add(input.getName()));
    graph.getInitializerList().forEach(tensor -> usedNames.add(tensor.getName()));
    graph.getNodeList().forEach(node -> usedNames.addAll(node.getOutputList()));
  }

  private boolean expand(NodeProto node, int depth) {
    if (depth > DEEPEST || nodes.size() > MAX_NODES || calls > MAX_CALLS) {
      return false;
    }
    FunctionProto function =
        functions.get(key(node.getDomain(), node.getOpType(), node.getOverload()));
    if (function == null || !sameOpsets(function)) {
      return nodes.add(node);
    }
    Map<String, String> names = tensorNames(node, function);
    Map<String, AttributeProto> attributes = attributes(node, function);
    for (NodeProto inner : function.getNodeList()) {
      if (!expand(substitute(inner, names, attributes), depth + 1)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Returns whether the function's opsets match those of the model. Imports domains that only the
   * function uses.
   */
  private boolean sameOpsets(FunctionProto function) {
    for (OperatorSetIdProto opset : function.getOpsetImportList()) {
      Long version = opsets.get(canonical(opset.getDomain()));
      if (version != null && version != opset.getVersion()) {
        return false;
      }
    }
    function
        .getOpsetImportList()
        .forEach(opset -> opsets.putIfAbsent(canonical(opset.getDomain()), opset.getVersion()));
    return true;
  }

  private Map<String, String> tensorNames(NodeProto call, FunctionProto function) {
    Map<String, String> names = new HashMap<>();
    for (int i = 0; i < function.getInputCount(); i++) {
      names.put(function.getInput(i), i < call.getInputCount() ? call.getInput(i) : "");
    }
    for (int i = 0; i < function.getOutputCount(); i++) {
      String actual = i < call.getOutputCount() ? call.getOutput(i) : "";
      if (!actual.isEmpty()) {
        names.put(function.getOutput(i), actual);
      }
    }
    int number = ++calls;
    defined(function.getNodeList())
        .forEach(name -> names.computeIfAbsent(name, n -> fresh(function.getName(), number, n)));
    return names;
  }

  private String fresh(String function, int number, String name) {
    return fresh(function + "/" + number + "/" + name, usedNames);
  }

  /** Returns an unused name and marks it as used. */
  static String fresh(String preferred, Set<String> used) {
    String name = preferred;
    while (!used.add(name)) {
      name += "_";
    }
    return name;
  }

  /** Returns the node with the listed tensors renamed, including captures in subgraphs. */
  public static NodeProto renamed(NodeProto node, Map<String, String> names) {
    return substitute(node, names, Map.of());
  }

  static Set<String> defined(Collection<NodeProto> body) {
    Set<String> names = new HashSet<>();
    for (NodeProto node : body) {
      names.addAll(node.getOutputList());
      for (GraphProto inner : Graph.attributeGraphs(node)) {
        inner.getInputList().forEach(input -> names.add(input.getName()));
        inner.getInitializerList().forEach(tensor -> names.add(tensor.getName()));
        names.addAll(defined(inner.getNodeList()));
      }
    }
    names.remove("");
    return names;
  }

  private static Map<String, AttributeProto> attributes(NodeProto call, FunctionProto function) {
    Map<String, AttributeProto> attributes = new HashMap<>();
    function.getAttributeProtoList().forEach(given -> attributes.put(given.getName(), given));
    call.getAttributeList().forEach(given -> attributes.put(given.getName(), given));
    return attributes;
  }

  private static NodeProto substitute(
      NodeProto node, Map<String, String> names, Map<String, AttributeProto> attributes) {
    NodeProto.Builder result =
        node.toBuilder().clearName().clearInput().clearOutput().clearAttribute();
    node.getInputList().forEach(input -> result.addInput(names.getOrDefault(input, input)));
    node.getOutputList().forEach(output -> result.addOutput(names.getOrDefault(output, output)));
    for (AttributeProto attribute : node.getAttributeList()) {
      AttributeProto given = attributes.get(attribute.getRefAttrName());
      if (attribute.getRefAttrName().isEmpty()) {
        result.addAttribute(substitute(attribute, names, attributes));
      } else if (given != null) { // without a value the attribute keeps its default
        result.addAttribute(given.toBuilder().setName(attribute.getName()));
      }
    }
    return result.build();
  }

  private static AttributeProto substitute(
      AttributeProto attribute, Map<String, String> names, Map<String, AttributeProto> given) {
    AttributeProto.Builder result = attribute.toBuilder();
    if (attribute.hasG()) {
      result.setG(substitute(attribute.getG(), names, given));
    }
    for (int i = 0; i < attribute.getGraphsCount(); i++) {
      result.setGraphs(i, substitute(attribute.getGraphs(i), names, given));
    }
    return result.build();
  }

  private static GraphProto substitute(
      GraphProto graph, Map<String, String> names, Map<String, AttributeProto> given) {
    GraphProto.Builder result = graph.toBuilder().clearNode().clearValueInfo();
    graph.getNodeList().forEach(node -> result.addNode(substitute(node, names, given)));
    result.getInputBuilderList().forEach(value -> rename(value, names));
    result.getOutputBuilderList().forEach(value -> rename(value, names));
    result
        .getInitializerBuilderList()
        .forEach(tensor -> tensor.setName(names.getOrDefault(tensor.getName(), tensor.getName())));
    return result.build();
  }

  private static void rename(ValueInfoProto.Builder value, Map<String, String> names) {
    value.setName(names.getOrDefault(value.getName(), value.getName()));
  }
}
