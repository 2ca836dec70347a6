package dev.headwater.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.protocol.ApiKeys;

/**
 * Between clients and a broker: passes everything on, and at a request of a certain kind holds it
 * up, or cuts the connection before the broker has it or before the client has the answer.
 */
final class Proxy implements AutoCloseable {
  private final int broker;
  private final ServerSocket socket;
  private final ExecutorService threads = Executors.newCachedThreadPool(Proxy::daemon);
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicReference<Trap> armed = new AtomicReference<>();

  /** What is lost once a request was held. */
  enum Lost {
    NOTHING,
    ANSWER,
    REQUEST
  }

  /**
   * @param toPass such requests that are let through before
   */
  private record Trap(
      ApiKeys request,
      String client,
      AtomicInteger toPass,
      Lost lost,
      Runnable first,
      CompletableFuture<Void> done) {
    private void hold() {
      try {
        first.run();
      } catch (RuntimeException e) {
        done.completeExceptionally(e);
      }
    }

    /** By the header: api key, api version, correlation id, client id. */
    boolean applies(byte[] frame) {
      ByteBuffer header = ByteBuffer.wrap(frame);
      if (header.getShort() != request.id) {
        return false;
      }
      header.position(8);
      byte[] id = new byte[Math.max(0, header.getShort())];
      header.get(id);
      return new String(id, UTF_8).contains(client) && toPass.getAndDecrement() <= 0;
    }
  }

  Proxy(int broker) throws IOException {
    this.broker = broker;
    socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    threads.execute(this::accept);
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "proxy");
    thread.setDaemon(true);
    return thread;
  }

  int port() {
    return socket.getLocalPort();
  }

  /**
   * Waits for the next such request.
   *
   * @param client part of its client id
   * @param passed such requests that are let through before
   * @param lost by cutting the connection
   * @param first done while the request is held
   * @return done when it is on its way or lost
   */
  CompletableFuture<Void> trap(
      ApiKeys request, String client, int passed, Lost lost, Runnable first) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    armed.set(new Trap(request, client, new AtomicInteger(passed), lost, first, done));
    return done;
  }

  private void accept() {
    while (!socket.isClosed()) {
      Socket client;
      try {
        client = socket.accept();
      } catch (IOException e) {
        return; // closed
      }
      try {
        Socket server = new Socket(InetAddress.getLoopbackAddress(), broker);
        open.add(client);
        open.add(server);
        threads.execute(() -> requests(client, server));
        threads.execute(() -> answers(client, server));
      } catch (IOException e) {
        hangUp(client); // the broker is away, and so the client is to find it
      }
    }
  }

  private void requests(Socket client, Socket server) {
    try {
      DataInputStream in = new DataInputStream(client.getInputStream());
      DataOutputStream out = new DataOutputStream(server.getOutputStream());
      while (true) {
        byte[] frame = new byte[in.readInt()];
        in.readFully(frame);
        Trap trap = armed.get();
        boolean traps = trap != null && trap.applies(frame) && armed.compareAndSet(trap, null);
        Lost lost = traps ? trap.lost() : Lost.NOTHING;
        if (traps) {
          trap.hold();
        }
        if (lost != Lost.NOTHING) {
          client.shutdownOutput(); // before the broker can answer
        }
        if (lost != Lost.REQUEST) {
          out.writeInt(frame.length);
          out.write(frame);
          out.flush();
        }
        if (traps) {
          trap.done().complete(null); // unless it has failed
        }
        if (lost == Lost.ANSWER) {
          return; // hung up once the answer finds nobody: sooner, the request might be lost too
        }
        if (lost == Lost.REQUEST) {
          throw new EOFException("cut");
        }
      }
    } catch (IOException e) {
      // one of the two hung up, or it was cut: the other is told so
      hangUp(client);
      hangUp(server);
    }
  }

  private void answers(Socket client, Socket server) {
    try {
      server.getInputStream().transferTo(client.getOutputStream());
    } catch (IOException e) {
      // one of the two hung up
    }
    hangUp(client);
    hangUp(server);
  }

  private void hangUp(Socket one) {
    open.remove(one);
    try {
      one.close();
    } catch (IOException e) {
      throw new IllegalStateException("a socket cannot be closed", e);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    open.forEach(this::hangUp);
    threads.shutdownNow();
  }
}
