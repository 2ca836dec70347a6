package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Loads external data: weights in a separate file beside the model, as PyTorch's newer exporter
 * writes them (ONNX, ExternalData.md). Weights of subgraphs are not loaded.
 */
final class ExternalData {
  private ExternalData() {}

  /**
   * Returns the model with external weights stored inline.
   *
   * @param file the model file, whose directory holds the weights
   * @throws OnnxException if the weights are missing, unreadable or in another directory
   */
  static ModelProto inlined(ModelProto model, Path file) throws OnnxException {
    if (model.getGraph().getInitializerList().stream().noneMatch(ExternalData::isExternal)) {
      return model;
    }
    GraphProto.Builder graph = model.getGraph().toBuilder();
    long total = model.getSerializedSize();
    for (int i = 0; i < graph.getInitializerCount(); i++) {
      TensorProto tensor = graph.getInitializer(i);
      if (isExternal(tensor)) {
        ByteString bytes = read(tensor, file);
        total += bytes.size();
        if (total > OnnxFile.LARGEST) {
          throw new OnnxException(
              file + " and its external weights exceed 2 GB in total, which is not supported.");
        }
        graph.setInitializer(
            i, tensor.toBuilder().clearExternalData().clearDataLocation().setRawData(bytes));
      }
    }
    return model.toBuilder().setGraph(graph).build();
  }

  private static boolean isExternal(TensorProto tensor) {
    return tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL;
  }

  private static ByteString read(TensorProto tensor, Path file) throws OnnxException {
    Map<String, String> entries = new HashMap<>();
    for (StringStringEntryProto entry : tensor.getExternalDataList()) {
      entries.put(entry.getKey(), entry.getValue());
    }
    Path directory = file.toAbsolutePath().resolveSibling("").normalize();
    String location = entries.getOrDefault("location", "");
    try {
      Path data = directory.resolve(location).normalize();
      if (!data.startsWith(directory) || data.equals(directory)) {
        throw new OnnxException(
            "%s refers to external weights of `%s` in %s, which is not in the model's directory."
                .formatted(file, tensor.getName(), location));
      }
      try (FileChannel channel = FileChannel.open(data)) {
        long offset = Long.parseLong(entries.getOrDefault("offset", "0"));
        String length = entries.get("length");
        long size = length == null ? channel.size() - offset : Long.parseLong(length);
        if (offset < 0 || size < 0 || size > channel.size() - offset) {
          throw new OnnxException(
              "%s is too short for the weights of `%s`: copy the file or export the model again."
                  .formatted(data, tensor.getName()));
        }
        return ByteString.copyFrom(channel.map(FileChannel.MapMode.READ_ONLY, offset, size));
      }
    } catch (IOException | RuntimeException unreadable) { // includes invalid paths and numbers
      throw new OnnxException(
          "Cannot read the weights of `%s`, which %s stores in %s: %s"
              .formatted(tensor.getName(), file, location, unreadable),
          unreadable);
    }
  }
}
