/** Metrics, health and the status page over HTTP, read-only. */
@NullMarked
package dev.headwater.http;

import org.jspecify.annotations.NullMarked;
