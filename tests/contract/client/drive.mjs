// Drives a running server with Octopus Deploy's official client, one scenario per call:
//   OCTO_URL=… OCTO_KEY=… node drive.mjs SCENARIO '{"argument": …}'
// Prints what the scenario returns as JSON. An error of the client is returned as {error}.
import octopus from "@octopusdeploy/api-client";

const {
    Client, DeploymentProcessRepository, DeploymentRepository, EnvironmentRepository, LifecycleRepository,
    ProjectGroupRepository, ProjectRepository, ReleaseRepository, RunbookProcessRepository, RunbookRepository,
    RunbookRunRepository, RunbookSnapshotRepository, ServerTaskRepository, ServerTaskWaiter,
    SpaceRepository, SpaceScopedBasicRepository, SpaceServerTaskRepository, TagSetRepository, TenantRepository,
    userGetCurrent,
} = octopus;

const [name, text] = process.argv.slice(2);
const given = JSON.parse(text ?? "{}");
const space = given.space ?? "Default";
const POOLS = `${octopus.spaceScopedRoutePrefix}/workerpools`;
const LIST = "{?skip,take,ids,partialName}";

function connect(apiKey = process.env.OCTO_KEY) {
    return Client.create({ userAgentApp: "octoworkers-contract", instanceURL: process.env.OCTO_URL, apiKey });
}

function script(name, body, where) {
    return {
        Id: "", Name: name, Slug: "", Condition: "Success", StartTrigger: "StartAfterPrevious",
        PackageRequirement: "LetOctopusDecide", Properties: {},
        Actions: [{
            Id: "", Name: name, Slug: "", ActionType: "Octopus.Script", Notes: null, IsDisabled: false,
            IsRequired: false, CanBeUsedForProjectVersioning: false, Container: { FeedId: null, Image: null },
            WorkerPoolId: "", WorkerPoolVariable: "", Environments: [], ExcludedEnvironments: [], Channels: [],
            TenantTags: [], Packages: [], GitDependencies: [], Condition: "Success",
            Properties: {
                "Octopus.Action.RunOnServer": "true",
                "Octopus.Action.Script.ScriptSource": "Inline",
                "Octopus.Action.Script.Syntax": "Bash",
                "Octopus.Action.Script.ScriptBody": body,
            },
            ...where,
        }],
    };
}

async function first(repository, partialName) {
    return (await repository.list({ skip: 0, take: 1, partialName })).Items[0];
}

async function projectNamed(client, name) {
    return (await new ProjectRepository(client, space).list({ partialName: name })).Items.find(one => one.Name === name);
}

async function runbookNamed(client, project, name) {
    const found = await new RunbookRepository(client, space, project).list({ partialName: name });
    return found.Items.find(one => one.Name === name);
}

const scenarios = {
    async connect() {
        const client = await connect();
        const information = await client.getServerInformation();
        const user = await userGetCurrent(client);
        return { information, username: user.Username };
    },

    async spaces() {
        const repository = new SpaceRepository(await connect());
        const user = await userGetCurrent(await connect());
        const made = await repository.create({ Name: given.name, SpaceManagersTeams: [], SpaceManagersTeamMembers: [user.Id] });
        const client = await connect();
        const born = {
            lifecycle: (await first(new LifecycleRepository(client, given.name))).Name,
            group: (await first(new ProjectGroupRepository(client, given.name))).Name,
        };
        const listed = (await repository.list({ partialName: given.name })).Items.map(one => one.Name);
        await repository.modify({ ...made, TaskQueueStopped: true });
        await repository.del(made);
        const after = (await repository.list({ partialName: given.name })).Items.length;
        return { made, born, listed, after };
    },

    async pools() {
        const repository = new SpaceScopedBasicRepository(await connect(), space, POOLS, LIST);
        const made = [];
        for (const Name of given.names) {
            made.push(await repository.create({ Name, WorkerPoolType: "StaticWorkerPool", IsDefault: false }));
        }
        const changed = await repository.modify({ ...made[0], Description: "Changed" });
        return { made, changed, got: await repository.get(made[0].Id) };
    },

    async environments() {
        const repository = new EnvironmentRepository(await connect(), space);
        const made = [];
        for (const Name of given.names) made.push(await repository.create({ Name, Description: "" }));
        const extra = await repository.create({ Name: "Short-lived" });
        await repository.del(extra);
        return { made, left: (await repository.list({ partialName: "Short" })).TotalResults };
    },

    async project() {
        const client = await connect();
        const group = await first(new ProjectGroupRepository(client, space));
        const lifecycle = await first(new LifecycleRepository(client, space));
        const projects = new ProjectRepository(client, space);
        const project = await projects.create({ Name: given.name, ProjectGroupId: group.Id, LifecycleId: lifecycle.Id });
        const runbooks = new RunbookRepository(client, space, project);
        const runbook = await runbooks.create({ Name: given.runbook, ProjectId: project.Id, Description: "" });
        const changed = await projects.modify({ ...project, TenantedDeploymentMode: "TenantedOrUntenanted" });
        return { project: changed, runbook };
    },

    async process() {
        const client = await connect();
        const project = await projectNamed(client, given.project);
        const runbook = await runbookNamed(client, project, given.runbook);
        const runbookProcesses = new RunbookProcessRepository(client, space, project);
        const process = await runbookProcesses.get(runbook);
        process.Steps = [script("By variable", given.body, { WorkerPoolVariable: given.variable })];
        const ofRunbook = await runbookProcesses.update(process);
        const deployments = new DeploymentProcessRepository(client, space);
        const draft = await deployments.get(project);
        draft.Steps = [script("By pool", given.body, { WorkerPoolId: given.pool })];
        const ofProject = await deployments.update(project, draft);
        let stale = "";
        try { await deployments.update(project, { ...ofProject, Version: draft.Version }); } catch (error) { stale = error.message; }
        return { ofRunbook, ofProject, stale };
    },

    async variables() {
        const client = await connect();
        const project = await projectNamed(client, given.project);
        const path = `${octopus.spaceScopedRoutePrefix}/variables/{id}`;
        const set = await client.request(path, { spaceName: space, id: project.VariableSetId });
        set.Variables = given.values.map(([pool, environment]) => ({
            Id: "", Name: given.variable, Type: "WorkerPool", Value: pool, Scope: { Environment: [environment] },
            IsEditable: true, IsSensitive: false, Prompt: null,
        }));
        set.Variables.push({ Id: "", Name: "Password", Type: "Sensitive", Value: given.secret, Scope: {}, IsSensitive: true });
        await client.doUpdate(path, set, { spaceName: space, id: project.VariableSetId });
        return await client.request(path, { spaceName: space, id: project.VariableSetId });
    },

    async run() {
        const client = await connect();
        const project = await projectNamed(client, given.project);
        const runbook = await runbookNamed(client, project, given.runbook);
        const snapshot = await new RunbookSnapshotRepository(client, space, project).create(runbook, given.snapshot, true, "By the contract tests");
        const answer = await new RunbookRunRepository(client, space).create({
            spaceName: space, ProjectName: given.project, RunbookName: given.runbook, EnvironmentNames: given.environments,
        });
        return { snapshot, tasks: await waitFor(client, answer.RunbookRunServerTasks.map(one => one.ServerTaskId)),
            runs: (await new RunbookRunRepository(client, space).list({ ids: answer.RunbookRunServerTasks.map(one => one.RunbookRunId), take: 10 })).Items };
    },

    async details() {
        const tasks = new SpaceServerTaskRepository(await connect(), space);
        return { details: await tasks.getDetails(given.task), raw: await tasks.getRaw(given.task) };
    },

    async deploy() {
        const client = await connect();
        const release = await new ReleaseRepository(client, space).create({ spaceName: space, ProjectName: given.project });
        const answer = await new DeploymentRepository(client, space).create({
            spaceName: space, ProjectName: given.project, ReleaseVersion: release.ReleaseVersion, EnvironmentNames: given.environments,
        });
        const ids = answer.DeploymentServerTasks.map(one => one.ServerTaskId);
        const deployments = await new DeploymentRepository(client, space).list({ ids: answer.DeploymentServerTasks.map(one => one.DeploymentId), take: 10 });
        return { release, tasks: await waitFor(client, ids), deployments: deployments.Items };
    },

    async tenants() {
        const client = await connect();
        const project = await projectNamed(client, given.project);
        const tagSet = await new TagSetRepository(client, space).create({ Name: "Region", Tags: [{ Name: "EU", Color: "#112233" }] });
        const tenants = new TenantRepository(client, space);
        const made = await tenants.create({
            Name: "Acme", TenantTags: [tagSet.Tags[0].CanonicalTagName], ProjectEnvironments: { [project.Id]: [given.environment.Id] },
        });
        const answer = await new DeploymentRepository(client, space).createTenanted({
            spaceName: space, ProjectName: given.project, ReleaseVersion: given.version, EnvironmentName: given.environment.Name,
            Tenants: [], TenantTags: [tagSet.Tags[0].CanonicalTagName],
        });
        const ids = answer.DeploymentServerTasks.map(one => one.ServerTaskId);
        return { tagSet, made, tasks: await waitFor(client, ids), listed: (await tenants.list({ projectId: project.Id })).TotalResults };
    },

    async cancel() {
        const client = await connect();
        const answer = await new RunbookRunRepository(client, space).create({
            spaceName: space, ProjectName: given.project, RunbookName: given.runbook, EnvironmentNames: given.environments,
        });
        const [task] = answer.RunbookRunServerTasks;
        await new ServerTaskRepository(client).cancel(task.ServerTaskId);
        return await waitFor(client, [task.ServerTaskId]);
    },

    async unknownTask() {
        return await waitFor(await connect(), ["ServerTasks-999999"]);
    },

    async badInput() {
        const client = await connect();
        return await new RunbookRunRepository(client, space).create({
            spaceName: space, ProjectName: "Nothing", RunbookName: "Nothing", EnvironmentNames: ["Nowhere"],
        });
    },

    async nowhere() {
        return await (await connect()).request(`${octopus.spaceScopedRoutePrefix}/nothing`, { spaceName: space });
    },

    async noKey() {
        return await userGetCurrent(await connect("API-NOTAKEYATALL00000"));
    },
};

async function waitFor(client, ids) {
    const waiter = new ServerTaskWaiter(client, space);
    const tasks = await waiter.waitForServerTasksToComplete(ids, 200, 60_000);
    return tasks.map(({ Id, State, IsCompleted, Description }) => ({ Id, State, IsCompleted, Description }));
}

try {
    console.log(JSON.stringify(await scenarios[name]()));
} catch (error) {
    console.log(JSON.stringify({ error: error.message, status: error.StatusCode ?? null }));
}
