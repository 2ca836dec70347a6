package dev.headwater.tail;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.headwater.tail.op.Literals;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The constant tensors of a head graph: computed once and copied once to each device. */
final class Constants implements AutoCloseable {
  private final NDManager manager = Engine.getEngine("PyTorch").newBaseManager(Device.cpu());
  private final Map<String, NDArray> values = new HashMap<>();
  private final Map<Device, Map<String, NDArray>> copies = new ConcurrentHashMap<>();

  void add(TensorProto tensor) {
    values.put(tensor.getName(), Literals.of(manager, tensor));
  }

  /** Adds a value and detaches it from the scope that computed it. */
  void add(String name, NDArray value) {
    value.detach();
    value.attach(manager);
    values.put(name, value);
  }

  /**
   * Returns the constants by name: floats on the device, integers on the CPU, where they are read.
   */
  Map<String, NDArray> on(Device device) {
    return device.isGpu() ? copies.computeIfAbsent(device, this::copyTo) : values;
  }

  private Map<String, NDArray> copyTo(Device device) {
    Map<String, NDArray> deviceCopies = new HashMap<>();
    values.forEach(
        (name, value) ->
            deviceCopies.put(
                name,
                value.getDataType() == DataType.FLOAT32 ? value.toDevice(device, false) : value));
    return deviceCopies;
  }

  NDManager newScope() {
    return manager.newSubManager();
  }

  @Override
  public void close() {
    manager.close();
  }
}
