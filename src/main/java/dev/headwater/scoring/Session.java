package dev.headwater.scoring;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.nn.Block;
import ai.djl.util.Utils;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A network loaded by DJL's ONNX Runtime engine and run through the session it made (see
 * RATIONALE.md for why not through its NDArrays). Closing waits for the runs in progress: a session
 * closed under a run takes the process down (onnxruntime#21812).
 */
final class Session implements AutoCloseable {
  private static final String ENGINE = "OnnxRuntime";

  /** What is wanted of a run's results, which are gone once it returns. */
  interface Reader<T> {
    T read(OrtSession.Result result) throws OrtException;
  }

  /** There is one a process, and DJL insists on being the one to make it. */
  static final OrtEnvironment ENVIRONMENT = environment();

  /** Held, not just closed: an unreachable DJL model is finalised, and its session with it. */
  private final Model model;

  private final OrtSession session;
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private boolean closed;

  private Session(Model model, OrtSession session) {
    this.model = model;
    this.session = session;
  }

  private static OrtEnvironment environment() {
    // threads DJL asks for beside those of the sessions, one a core unless told otherwise
    System.setProperty("ai.djl.onnxruntime.num_threads", "1");
    System.setProperty("ai.djl.onnxruntime.num_interop_threads", "1");
    Engine.getEngine(ENGINE);
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    hold(environment);
    return environment;
  }

  /**
   * As the process ends, a hook of ONNX Runtime's own gives the environment back while records are
   * still scored, and a run that then needs more memory than any before fails, or takes the process
   * down. The environment counts who has it: one more, who never gives it back, and it lasts as
   * long as the process.
   */
  private static void hold(OrtEnvironment environment) {
    try {
      Field api = Class.forName("ai.onnxruntime.OnnxRuntime").getDeclaredField("ortApiHandle");
      Field held = OrtEnvironment.class.getDeclaredField("nativeHandle");
      Method create =
          OrtEnvironment.class.getDeclaredMethod(
              "createHandle", long.class, int.class, String.class);
      for (AccessibleObject member : List.of(api, held, create)) {
        member.setAccessible(true);
      }
      int level = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING.getValue();
      Object again = create.invoke(null, api.getLong(null), level, "headwater");
      if (!again.equals(held.getLong(environment))) {
        throw new IllegalStateException(
            "this version of ONNX Runtime makes a second environment, not one more holder of it");
      }
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "this version of ONNX Runtime makes its environment another way: " + e, e);
    }
  }

  /**
   * @param name for messages
   * @throws IllegalArgumentException where ONNX Runtime cannot serve the network
   * @throws UncheckedIOException where there is no room for temporary files
   */
  static Session load(String name, byte[] onnx, int intraOpThreads) {
    Model model = Model.newInstance(name, Device.cpu(), ENGINE);
    boolean loaded = false;
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(intraOpThreads);
      options.setInterOpNumThreads(1);
      // a plan of the memory for each shape ever seen: no quicker, and it adds up (RATIONALE.md)
      options.setMemoryPatternOptimization(false);
      // a failed run throws: its record's dead letter says why, standard error need not
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      // a spinning thread steals the core from the next one's work
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      options.addConfigEntry("session.inter_op.allow_spinning", "0");
      model.load(new ByteArrayInputStream(onnx), Map.of("sessionOptions", options));
      Session session = new Session(model, session(model.getBlock()));
      loaded = true;
      return session;
    } catch (IOException e) {
      // DJL makes a directory there: no fault of the network's
      throw new UncheckedIOException(
          "the %s cannot be loaded by way of %s"
              .formatted(name, System.getProperty("java.io.tmpdir")),
          e);
    } catch (OrtException | MalformedModelException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IllegalArgumentException(
          "ONNX Runtime cannot load the " + name + ": " + cause.getMessage(), e);
    } finally {
      Path made = model.getModelPath(); // a directory that DJL would leave there
      if (made != null) {
        Utils.deleteQuietly(made);
      }
      if (!loaded) {
        model.close();
      }
    }
  }

  /** DJL has no accessor for it. */
  static OrtSession session(Block block) {
    try {
      Field field = block.getClass().getDeclaredField("session");
      field.setAccessible(true);
      return (OrtSession) field.get(block);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(
          "this version of DJL keeps its ONNX Runtime session elsewhere: " + block.getClass(), e);
    }
  }

  /** The graph's inputs, by name. */
  Map<String, NodeInfo> inputs() throws OrtException {
    return session.getInputInfo();
  }

  /** Runs the network for some of its outputs. */
  <T> T run(Map<String, OnnxTensor> inputs, Collection<String> outputs, Reader<T> reader)
      throws OrtException {
    lock.readLock().lock();
    try {
      if (closed) {
        throw new IllegalStateException("scoring is closed");
      }
      try (OrtSession.Result result = session.run(inputs, Set.copyOf(outputs))) {
        return reader.read(result);
      }
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (!closed) {
        closed = true;
        model.close();
      }
    } finally {
      lock.writeLock().unlock();
    }
  }
}
