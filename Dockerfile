# syntax=docker/dockerfile:1
# Drawbridge on an outside PostgreSQL. Node comes with the base image and the database from elsewhere, so the optional
# packages (Node itself, the embedded PostgreSQL) stay out. compose.yaml and docs/operations.md show how to run it.
#
# A tag can be moved; a digest can't. For a build that is the same next year:
#   docker build --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:… .
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

# What runs: the dependencies alone, exactly those of the lock file, and no script of theirs.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

# What is compiled. The compiler itself comes as an optional package, so nothing is omitted here.
FROM ${NODE_IMAGE} AS compiled
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.ts ./scripts/
COPY src ./src
RUN npm run build && mkdir empty

FROM ${NODE_IMAGE}
ENV NODE_ENV=production \
    DRAWBRIDGE_CONFIG=/etc/drawbridge/drawbridge.yaml
WORKDIR /app
COPY package.json LICENSE ./
COPY bin ./bin
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=compiled /build/dist ./dist
# For what settings may want to keep in `data`; a volume that is mounted here gets its owner.
COPY --from=compiled --chown=node:node /build/empty /var/lib/drawbridge
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/drawbridge.js"]
CMD ["serve"]
